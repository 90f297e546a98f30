package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is a way to hide or disguise letters.
type Kind string

// What hides letters from people, or from whoever compares bytes.
const (
	ZeroWidth  Kind = "zero_width"  // nothing is seen where they are
	Tags       Kind = "tags"        // a text that is not seen, in tag characters or variation selectors
	Bidi       Kind = "bidi"        // the order that is seen is not the order of the text
	Confusable Kind = "confusables" // letters of other scripts within Latin words
	Styled     Kind = "styled"      // mathematical, circled or wide Latin letters, whole words of them
)

// Disguise says that a text hides letters in one way, how often, and where first.
type Disguise struct {
	Kind  Kind
	Count int
	First Span // in the view that was read
}

// styledFrom is how many styled letters are no symbol or unit any more.
const styledFrom = 4

// normalise returns the view in its normal form, or nil when it has that; the
// text that is hidden in invisible characters, or nil; and what was found.
func normalise(v *View, o Options) (plain, hidden *View, found []Disguise) {
	n := normaliser{o: o, of: v}
	formed := n.form(v)
	seen, hidden := n.seen(formed)
	plain = n.latin(seen)
	for _, d := range n.found {
		if d.Count > 0 && (d.Kind != Styled || d.Count >= styledFrom) {
			found = append(found, d)
		}
	}
	if plain.Text == v.Text {
		return nil, hidden, found
	}
	plain.Via = append(v.Via[:len(v.Via):len(v.Via)], "unicode")
	plain.settled = plain == formed && hidden == nil
	return plain, hidden, found
}

// normaliser brings a view into its normal form in steps, each a view of the one before.
type normaliser struct {
	o     Options
	of    *View
	found [5]Disguise
	known *[256]cluster // by their bytes; nil: none yet
}

// note counts a disguise that was found in a step.
func (n *normaliser) note(i int, kind Kind, in *View, start, end int) {
	d := &n.found[i]
	if d.Kind = kind; d.Count == 0 {
		d.First = between(in, n.of, Span{start, end})
	}
	d.Count++
}

// between leads a place in a view back to one that it was made of.
func between(v, to *View, s Span) Span {
	for ; v != to; v = v.from {
		one := View{Text: v.Text, from: &View{Text: v.from.Text}, runs: v.runs}
		s = one.Origin(s.Start, s.End)
	}
	return s
}

// form brings a view into the configured normal form of Unicode.
func (n *normaliser) form(v *View) *View {
	s, f := v.Text, n.o.Form
	if f.IsNormalString(s) {
		return v
	}
	b := builder{of: v, text: make([]byte, 0, len(s))}
	for i := 0; i < len(s); {
		// ASCII is in every normal form, but its last character may be the
		// base of a mark that follows.
		if size := asciiRun(s[i:]); size > 1 || i+size == len(s) {
			if i+size < len(s) {
				size--
			}
			b.same(i, i+size)
			i += size
			continue
		}
		if size := f.QuickSpanString(s[i:]); size > 0 {
			b.same(i, i+size)
			i += size
			continue
		}
		size := max(f.NextBoundaryInString(s[i:], true), 1)
		was := s[i : i+size]
		is := n.formed(was)
		if string(is) == was {
			b.same(i, i+size)
		} else {
			b.instead(is, i, i+size)
			if len(is) == 1 && letter(is[0]) && !strings.Contains("\u212a\u00aa\u00ba", was) { // Kelvin, ordinals
				n.note(4, Styled, v, i, i+size)
			}
		}
		i += size
	}
	return b.view("unicode")
}

// formed is a character in the normal form, with the marks on it. A text has few of them over and over.
func (n *normaliser) formed(was string) []byte {
	if n.known == nil {
		n.known = new([256]cluster)
	}
	h := uint32(len(was))
	for i := range len(was) {
		h = h*31 + uint32(was[i])
	}
	k := &n.known[h%256]
	if k.was != was {
		*k = cluster{was, n.o.Form.AppendString(nil, was)}
	}
	return k.is
}

// cluster is one that was brought into the normal form.
type cluster struct {
	was string
	is  []byte
}

func asciiRun(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// seen is a view without what is not seen, and what is written in that, or nil.
func (n *normaliser) seen(v *View) (out, hidden *View) {
	s := v.Text
	b, h := builder{of: v}, builder{of: v}
	from, end := 0, -1 // what was not written yet; where the last hidden byte ended
	for i := asciiRun(s); i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		take, kind, name := invisible(s, i, r, size)
		if name != "" {
			n.note(kind, name, v, i, i+size)
		}
		if take >= 0 {
			if end != i {
				h.part(i)
			}
			h.instead([]byte{byte(take)}, i, i+size)
			end = i + size
		}
		if name != "" && n.o.Invisible {
			b.same(from, i)
			from = i + size
		}
		i += size
		i += asciiRun(s[i:])
	}
	if len(h.runs) > 0 {
		hidden = h.view("tags")
	}
	if from == 0 {
		return v, hidden
	}
	b.same(from, len(s))
	return b.view("unicode"), hidden
}

// latin writes look-alikes as the ASCII that they look like, in words that
// can't be of another script: they have Latin letters too, or stand after a
// Latin word and have nothing but look-alikes.
func (n *normaliser) latin(v *View) *View {
	if !n.o.Confusables {
		return v
	}
	s := v.Text
	b := builder{of: v}
	from := 0 // what was not written yet
	for i := asciiRun(s); i < len(s); {
		start := i
		for start > from && alphanumeric(s[start-1]) {
			start--
		}
		w := wordAt(s, start)
		if w.end <= i { // what is here is no letter
			r, size := utf8.DecodeRuneInString(s[i:])
			if like := looksLike(r); like != "" && !alphanumeric(like[0]) {
				b.same(from, i)
				b.instead([]byte(like), i, i+size)
				from = i + size
			}
			i += size
		} else {
			if w.disguised(s) {
				from = n.rewrite(&b, w, from)
			}
			i = w.end
		}
		i += asciiRun(s[i:])
	}
	if from == 0 {
		return v
	}
	b.same(from, len(s))
	return b.view("unicode")
}

func alphanumeric(c byte) bool { return letter(c) || c >= '0' && c <= '9' }

// word is a run of letters and digits.
type word struct {
	start, end    int
	latin         int // letters and digits of ASCII, and other Latin letters
	alike, others int // others that look like ASCII, and that don't
}

func wordAt(s string, start int) word {
	w := word{start: start, end: start}
	for w.end < len(s) {
		r, size := utf8.DecodeRuneInString(s[w.end:])
		switch {
		case r < utf8.RuneSelf && alphanumeric(byte(r)):
			w.latin++
		case r < utf8.RuneSelf || !unicode.In(r, unicode.L, unicode.N, unicode.M):
			return w
		case looksLike(r) != "":
			w.alike++
		case unicode.Is(unicode.Latin, r):
			w.latin++
		case !unicode.IsMark(r):
			w.others++
		}
		w.end += size
	}
	return w
}

func (w word) disguised(s string) bool {
	afterLatin := w.start > 1 && s[w.start-1] == ' ' && letter(s[w.start-2])
	return w.others == 0 && w.alike > 0 && (w.latin > 0 || w.alike >= 3 && afterLatin)
}

func (n *normaliser) rewrite(b *builder, w word, from int) int {
	s := b.of.Text
	for i := w.start; i < w.end; {
		r, size := utf8.DecodeRuneInString(s[i:])
		if like := looksLike(r); like != "" {
			b.same(from, i)
			b.instead([]byte(like), i, i+size)
			from = i + size
			n.note(3, Confusable, b.of, i, i+size)
		}
		i += size
	}
	return from
}

// invisible says what kind of invisible character this is, "" for none, and
// which byte it stands for, if it does.
func invisible(s string, at int, r rune, size int) (take, kind int, name Kind) {
	switch {
	case r >= 0xE0000 && r <= 0xE007F:
		if flag(s, at) {
			return -1, 0, ""
		}
		if r < 0xE0020 || r == 0xE007F {
			return -1, 1, Tags
		}
		return int(r - 0xE0000), 1, Tags
	case r >= 0xE0100 && r <= 0xE01EF:
		return int(r-0xE0100) + 16, 1, Tags
	case r >= 0xFE00 && r <= 0xFE0E && at >= 3 && selector(s[:at]):
		return int(r - 0xFE00), 1, Tags // one alone selects a glyph, several carry bytes
	case r == 0x200C || r == 0x200D || r == 0x200E || r == 0x200F || r == 0x061C || r == 0xFEFF && at == 0:
		// Emoji, and scripts that join letters or run from the right, need them;
		// a file may begin with the mark of its byte order.
		if r == 0xFEFF || !besideASCII(s, at, at+size) {
			return -1, 0, ""
		}
		return -1, 0, ZeroWidth
	case r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069:
		return -1, 2, Bidi
	case r == 0x00AD || r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5 || r == 0x180E || r == 0x200B ||
		r >= 0x2060 && r <= 0x2064 || r >= 0x206A && r <= 0x206F || r == 0x3164 || r == 0xFEFF || r == 0xFFA0 || r >= 0xFFF9 && r <= 0xFFFB:
		return -1, 0, ZeroWidth
	}
	return -1, 0, ""
}

// flag says whether the tag character here belongs to the flag of a region:
// a black flag, at most six tags and the one that ends them.
func flag(s string, at int) bool {
	const black, end, size = "\U0001F3F4", "\U000E007F", 4
	for back := 0; back < 7 && at >= size; back++ {
		at -= size
		if s[at:at+size] == black {
			for n := 1; n <= 7 && at+(n+1)*size <= len(s); n++ {
				if s[at+n*size:at+(n+1)*size] == end {
					return n > 1
				}
			}
			return false
		}
	}
	return false
}

// selector says whether a text ends with a variation selector.
func selector(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF
}

func besideASCII(s string, start, end int) bool {
	return start > 0 && letter(s[start-1]) || end < len(s) && letter(s[end])
}
