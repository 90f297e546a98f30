// Package text shows a text as whoever looks for attacks and leaks must see it:
// as it is, in its normal form, and with what is encoded in it decoded.
//
// Its promise: the work and the size of all views are bounded by the size of
// the text, whatever it holds, and every place in a view leads back to the
// bytes of the original that it came from.
package text

import "golang.org/x/text/unicode/norm"

//go:generate go run -C ../../../tools/detect . confusables

// Options say how a text is read.
type Options struct {
	Unicode     bool // look at the normal form at all
	Form        norm.Form
	Invisible   bool // take out zero width, tag and bidi characters
	Confusables bool // write letters that look like ASCII as ASCII

	Depth int // how often what was decoded is decoded again
	Views int // how many views there are at most
	Bytes int // how many bytes views beside the original have, for each byte of it
}

// Defaults are the options of an agent without a config.
func Defaults() Options {
	return Options{Unicode: true, Form: norm.NFKC, Invisible: true, Confusables: true, Depth: 4, Views: 24, Bytes: 3}
}

// FormOf is the normal form of a name as shroud_config has it.
func FormOf(name string) norm.Form {
	switch name {
	case "NFC":
		return norm.NFC
	case "NFD":
		return norm.NFD
	case "NFKD":
		return norm.NFKD
	}
	return norm.NFKC
}

// spare is how many bytes views may have of a text of no size.
const spare = 64 << 10

// longest is the longest text that is looked at: places are 32 bits wide.
const longest = 1 << 30

// Reading is a text as it was read.
type Reading struct {
	// Views has the original first, then its normal form if that differs.
	Views []*View
	// Unicode says what hides or disguises letters, each kind once.
	Unicode []Disguise
	// Cut says that there was more to decode than Options allow.
	Cut bool
}

// Normal is the text in its normal form.
func (r *Reading) Normal() *View {
	if len(r.Views) > 1 && len(r.Views[1].Via) == 1 && r.Views[1].Via[0] == "unicode" {
		return r.Views[1]
	}
	return r.Views[0]
}

// Normalised says whether the normal form is another text.
func (r *Reading) Normalised() bool { return r.Normal() != r.Views[0] }

// Read makes the views of a text. Escapes are undone in place, so that what
// stands around them stays; all that was encoded in one way in a view is one
// view more, so that many parts can't crowd out one.
func Read(src string, o Options) Reading {
	r := reader{o: o, left: o.Bytes*min(len(src), longest) + spare}
	if len(src) > longest {
		src, r.out.Cut = src[:longest], true
	}
	r.out.Views = append(r.out.Views, &View{Text: src})
	wave := r.out.Views[:1:1]
	for depth := 0; len(wave) > 0; depth++ {
		var next []*View
		for _, v := range wave {
			parts := r.open(v)
			if depth >= o.Depth && len(parts) > 0 {
				r.out.Cut = true
				continue
			}
			for _, p := range parts {
				if r.add(p) {
					next = append(next, p)
				}
			}
		}
		wave = next
	}
	return r.out
}

type reader struct {
	o    Options
	left int
	out  Reading
}

// add takes a view if there is room for it.
func (r *reader) add(v *View) bool {
	if len(r.out.Views) >= max(r.o.Views, 1) || len(v.Text) > r.left {
		r.out.Cut = true
		return false
	}
	r.left -= len(v.Text)
	r.out.Views = append(r.out.Views, v)
	return true
}

// open adds what a view is with its disguises and escapes undone, and returns
// what is encoded in that.
func (r *reader) open(v *View) (parts []*View) {
	// An escape may stand for what is disguised, and the other way round. What
	// lies between tells nothing that the end does not.
	plain := v
	for round := 0; ; round++ {
		next, hidden := r.undo(plain, round == 0 && v.from == nil)
		if hidden != nil {
			parts = append(parts, hidden)
		}
		if next == plain {
			break
		}
		if round == r.o.Depth {
			r.out.Cut = true
			break
		}
		plain = next
	}
	if plain != v && plain != r.out.Views[len(r.out.Views)-1] && !r.add(plain) {
		plain = v
	}
	for _, decode := range []func(*View, int) (*View, bool){base64s, hexes, base32s, numbers} {
		p, cut := decode(plain, r.left)
		r.out.Cut = r.out.Cut || cut
		if p != nil {
			parts = append(parts, p)
		}
	}
	words, cut := turned(plain, r.left)
	r.out.Cut = r.out.Cut || cut
	return append(parts, words...)
}

// undo is a view without its disguises and escapes, each undone once. The
// normal form of the original is a view for itself.
func (r *reader) undo(v *View, original bool) (next, hidden *View) {
	next = v
	if r.o.Unicode && !v.settled && !ascii(v.Text) {
		plain, inside, found := normalise(v, r.o)
		if hidden = inside; plain != nil {
			next = plain
		}
		if original {
			r.out.Unicode = found
			if plain != nil {
				r.add(plain)
			}
		}
	}
	if e := unescape(next); e != nil {
		next = e
	}
	return next, hidden
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
