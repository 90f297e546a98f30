package known

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxIndent is how much white space after a line break counts as indentation.
const maxIndent = 16

// canon is a text without its escapes, line breaks and indentation.
type canon struct {
	text    []byte
	runs    []run
	escapes bool   // it had some
	read    int    // how much of the source was taken in
	own     []byte // memory of text, unless that is the source

	hint   int           // the stretch that was last asked for
	known  *[memory]seen // blocks that were looked at; nil: none
	like   *canon        // another reading of the same text, whose blocks are known too; nil: none
	chains map[*pattern]*[block]chain
}

// memory is how many blocks are remembered.
const memory = 64

// seen is a block of the text, its hash and what begins with it.
type seen struct {
	at, size int
	digest   digest
	heads    []pattern
}

// block is what is known of a stretch of the text. In a text that repeats most blocks are the same, and are not
// hashed again.
func (c *canon) block(s *Set, start, end int) *seen {
	b := c.text[start:end]
	if c.known == nil {
		c.known = new([memory]seen)
	}
	place := (b[0] ^ b[len(b)/2]<<1 ^ b[len(b)-1]<<2 ^ byte(len(b))*7) % memory
	k := &c.known[place]
	switch {
	case k.is(c, b):
	case c.like != nil && c.like.known != nil && c.like.known[place].is(c.like, b):
		*k = c.like.known[place]
		k.at = start
	default:
		d := s.digest(b)
		*k = seen{start, len(b), d, s.heads[d]}
	}
	return k
}

// is reports whether a block of a text is the one that was seen.
func (k *seen) is(of *canon, b []byte) bool {
	return k.size == len(b) && bytes.Equal(of.text[k.at:k.at+k.size], b)
}

// run is a stretch that begins at `at`. With end < 0 it is the same bytes as
// those of the source from `from` on; otherwise one character that [from, end)
// stands for.
type run struct{ at, from, end int }

// Escapes of JSON and programs, of URLs and of HTML, by the byte that they begin with.
const (
	slashes  = `\`
	percents = "%"
	entities = "&"
	all      = slashes + percents + entities
)

// canonical undoes line breaks and the escapes that are named. When more
// may follow, it ends before an escape that is not whole.
func canonical(src []byte, escapes string, last bool) *canon {
	c := &canon{}
	c.takeWith(nil, src, escapes, last)
	return c
}

// begin forgets the text before.
func (c *canon) begin() {
	c.runs = c.runs[:0]
	c.again()
}

// room is memory for a text in place of the one before. What that leaves is cleared.
func (c *canon) room(size int) []byte {
	clear(c.own)
	if cap(c.own) < size {
		c.own = nil
	}
	return slices.Grow(c.own[:0], size)
}

// again forgets what one set saw in the text, so that another looks.
func (c *canon) again() {
	c.hint = 0
	if c.known != nil {
		clear(c.known[:])
	}
	clear(c.chains)
}

// wipe forgets the text and clears the memory that it took, which is kept.
func (c *canon) wipe() {
	clear(c.own)
	c.begin()
	c.text, c.own = nil, c.own[:0]
}

// takeWith takes a text in, and also into raw, in which escapes stay, where there are any: what both have in
// common is looked for once.
func (c *canon) takeWith(raw *canon, src []byte, escapes string, last bool) {
	c.begin()
	c.escapes = false
	if bytes.IndexByte(src, '&') < 0 { // most texts have none, and each kind costs at every line
		escapes = strings.TrimSuffix(escapes, entities)
	}
	next := specials{src: src, of: "\n\r" + escapes}
	if next.from(0) == len(src) {
		c.text, c.runs, c.read = src, append(c.runs, run{0, 0, -1}), len(src)
		return
	}
	c.text = c.room(len(src))
	if raw != nil {
		raw.begin()
		raw.text = raw.room(len(src))
	}
	i, whole := 0, true
	same := 0 // from here on raw has src as it is
	for i < len(src) && whole {
		j := next.from(i)
		if j > i {
			c.runs = append(c.runs, run{len(c.text), i, -1})
			c.text = append(c.text, src[i:j]...)
			i = j
			continue
		}
		if quotes(src[i:]) { // the most frequent ones at once
			c.escapes = true
			c.runs = append(c.runs, run{len(c.text), i, i + 2})
			c.text = append(c.text, src[i+1])
			i += 2
			continue
		}
		var is char
		var size int
		is, size, whole = escape(src[i:])
		if whole = whole || last; !whole {
			break
		}
		at := i
		switch {
		case size == 0: // it stands for itself
			c.runs = append(c.runs, run{len(c.text), i, -1})
			c.text = append(c.text, src[i])
			i++
		case is.size == 1 && (is.b[0] == '\n' || is.b[0] == '\r'):
			c.escapes = c.escapes || src[i] != '\n' && src[i] != '\r'
			i = unindented(src, i+size)
		default:
			c.escapes = true
			c.runs = append(c.runs, run{len(c.text), i, i + size})
			c.text = append(c.text, is.bytes()...)
			i += size
		}
		if raw == nil || src[at] == '%' || src[at] == '&' {
			continue
		}
		if src[at] == '\\' { // a break may follow it
			if at+1 == len(src) || src[at+1] != '\n' && src[at+1] != '\r' {
				continue
			}
			at++
		}
		raw.same(src, same, at)
		same = i
	}
	c.own, c.read = c.text, i
	if raw == nil {
		return
	}
	for ; i < len(src); i++ { // of an escape that is not whole
		if src[i] == '\n' || src[i] == '\r' {
			raw.same(src, same, i)
			same = unindented(src, i+1)
			i = same - 1
		}
	}
	raw.same(src, same, len(src))
	raw.own, raw.read = raw.text, len(src)
}

// quotes reports whether a text begins with a backslash and the character that it stands for.
func quotes(b []byte) bool {
	return len(b) > 1 && b[0] == '\\' && (b[1] == '"' || b[1] == '\\' || b[1] == '/' || b[1] == '\'')
}

// same takes in a stretch of the source as it is.
func (c *canon) same(src []byte, from, to int) {
	if to > from {
		c.runs = append(c.runs, run{len(c.text), from, -1})
		c.text = append(c.text, src[from:to]...)
	}
}

// unindented is where the indentation ends that begins at a place.
func unindented(src []byte, i int) int {
	for n := 0; n < maxIndent && i < len(src) && (src[i] == ' ' || src[i] == '\t'); n++ {
		i++
	}
	return i
}

// specials finds the next byte that may begin an escape or a line break.
type specials struct {
	src []byte
	of  string
	at  [5]int // the next of each kind, 1 more than its place
}

func (s *specials) from(i int) int {
	first := len(s.src)
	for k := range len(s.of) {
		if s.at[k] <= i { // passed, or not looked for
			n := bytes.IndexByte(s.src[i:], s.of[k])
			if n < 0 {
				n = len(s.src) - i
			}
			s.at[k] = i + n + 1
		}
		first = min(first, s.at[k]-1)
	}
	return first
}

// char is what an escape stands for: UTF-8, or one byte.
type char struct {
	b    [utf8.UTFMax]byte
	size int
}

func (c *char) bytes() []byte { return c.b[:c.size] }

func byteOf(b byte) char { return char{[utf8.UTFMax]byte{b}, 1} }

func runeOf(r rune) (c char) {
	c.size = utf8.EncodeRune(c.b[:], r)
	return c
}

// escape is what the escape or line break at the beginning of b stands for, and
// its size, 0 for none. It is not whole when b ends too early to know.
func escape(b []byte) (c char, size int, whole bool) {
	switch b[0] {
	case '\n', '\r':
		return byteOf(b[0]), 1, true
	case '%':
		if len(b) < 3 {
			return c, 0, len(b) > 1 && !hexDigit(b[1])
		}
		if n, ok := number(b[1:3]); ok {
			return byteOf(byte(n)), 3, true
		}
		return c, 0, true
	case '&':
		return entity(b)
	}
	if len(b) < 2 {
		return c, 0, false
	}
	switch b[1] {
	case 'n', '\n':
		return byteOf('\n'), 2, true
	case 'r', '\r':
		return byteOf('\r'), 2, true
	case 't':
		return byteOf('\t'), 2, true
	case 'b':
		return byteOf('\b'), 2, true
	case 'f':
		return byteOf('\f'), 2, true
	case '"', '\'', '\\', '/':
		return byteOf(b[1]), 2, true
	case 'x':
		if len(b) < 4 {
			return c, 0, false
		}
		if n, ok := number(b[2:4]); ok {
			return byteOf(byte(n)), 4, true
		}
	case 'u':
		return unit(b)
	}
	return c, 0, true
}

// unit is \uXXXX, or two of them that are one character.
func unit(b []byte) (c char, size int, whole bool) {
	const one = 6
	if len(b) < one {
		return c, 0, false
	}
	n, ok := number(b[2:one])
	if !ok {
		return c, 0, true
	}
	if utf16.IsSurrogate(n) {
		next := b[one:min(len(b), 2*one)]
		switch {
		case !bytes.HasPrefix(next, []byte(`\u`)[:min(len(next), 2)]):
		case len(next) < one:
			return runeOf(utf8.RuneError), one, false
		default:
			if low, ok := number(next[2:]); ok {
				if r := utf16.DecodeRune(n, low); r != utf8.RuneError {
					return runeOf(r), 2 * one, true
				}
			}
		}
	}
	return runeOf(n), one, true
}

func number(b []byte) (n rune, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// run is the number of the stretch that a place lies in.
func (c *canon) run(at int) int {
	// Hits come in order, or nearly.
	for i := c.hint; i < min(c.hint+2, len(c.runs)); i++ {
		if c.runs[i].at <= at && (i+1 == len(c.runs) || c.runs[i+1].at > at) {
			c.hint = i
			return i
		}
	}
	c.hint = c.search(at)
	return c.hint
}

func (c *canon) search(at int) int {
	return max(0, sort.Search(len(c.runs), func(i int) bool { return c.runs[i].at > at })-1)
}

// start is where the character at a place begins in the source.
func (c *canon) start(at int) int {
	if len(c.runs) == 0 {
		return 0
	}
	r := c.runs[c.run(at)]
	if r.end >= 0 {
		return r.from
	}
	return r.from + at - r.at
}

// end is where the character before a place ends in the source.
func (c *canon) end(at int) int {
	r := c.runs[c.run(at-1)]
	if r.end >= 0 {
		return r.end
	}
	return r.from + at - r.at
}

// before is the last place up to `at` where a character of the source begins or a break does.
func (c *canon) before(at int) int {
	i := sort.Search(len(c.runs), func(i int) bool { return c.runs[i].from > at }) - 1
	next := c.read
	if i+1 < len(c.runs) {
		next = c.runs[i+1].from
	}
	end := 0 // of the stretch, and where the break after it begins
	if i >= 0 {
		r := c.runs[i]
		end = r.end
		if r.end < 0 {
			end = len(c.text)
			if i+1 < len(c.runs) {
				end = c.runs[i+1].at
			}
			end += r.from - r.at
		}
		switch {
		case at == r.from || r.end < 0 && at <= end:
			return at
		case at < end:
			return r.from
		}
	}
	if at == end || at >= next {
		return min(at, next)
	}
	return end
}

// past is where the escape of a character ends that a place of the source lies in, or the place. It lies in no break:
// where one ends is not known before what follows.
func (c *canon) past(at int) int {
	i := sort.Search(len(c.runs), func(i int) bool { return c.runs[i].from >= at }) - 1
	if i < 0 {
		return at
	}
	return max(at, c.runs[i].end)
}
