package known

import (
	"bytes"
	"slices"
	"sort"
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
}

// run is a stretch that begins at `at`. With end < 0 it is the same bytes as
// those of the source from `from` on; otherwise one character that [from, end)
// stands for.
type run struct{ at, from, end int }

// canonical undoes line breaks, and escapes unless they are to stay. When more
// may follow, it ends before an escape that is not whole.
func canonical(src []byte, escapes, last bool) *canon {
	c := &canon{}
	c.take(src, escapes, last)
	return c
}

func (c *canon) take(src []byte, escapes, last bool) {
	c.runs, c.escapes = c.runs[:0], false
	next := specials{src: src, of: "\n\r"}
	if escapes {
		next.of = "\n\r\\%"
	}
	if next.from(0) == len(src) {
		c.text, c.runs, c.read = src, append(c.runs, run{0, 0, -1}), len(src)
		return
	}
	c.text = slices.Grow(c.own[:0], len(src))
	i := 0
	for i < len(src) {
		j := next.from(i)
		if j > i {
			c.runs = append(c.runs, run{len(c.text), i, -1})
			c.text = append(c.text, src[i:j]...)
			i = j
			continue
		}
		is, size, whole := escape(src[i:])
		if !whole && !last {
			break
		}
		switch {
		case size == 0: // it stands for itself
			c.runs = append(c.runs, run{len(c.text), i, -1})
			c.text = append(c.text, src[i])
			i++
		case is.size == 1 && (is.b[0] == '\n' || is.b[0] == '\r'):
			c.escapes = c.escapes || src[i] == '%' || src[i] == '\\'
			i += size
			for n := 0; n < maxIndent && i < len(src) && (src[i] == ' ' || src[i] == '\t'); n++ {
				i++
			}
		default:
			c.escapes = true
			c.runs = append(c.runs, run{len(c.text), i, i + size})
			c.text = append(c.text, is.bytes()...)
			i += size
		}
	}
	c.own, c.read = c.text, i
}

// specials finds the next byte that may begin an escape or a line break.
type specials struct {
	src []byte
	of  string
	at  [4]int // the next of each kind, 1 more than its place
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

// around is the last place up to `at` where a character of the source begins or
// a break does, and the next one from there on.
func (c *canon) around(at int) (before, after int) {
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
			return at, at
		case at < end:
			return r.from, r.end
		}
	}
	if at == end || at >= next {
		return min(at, next), at
	}
	return end, next
}
