// Package stream passes the texts of an answer on while they arrive, and never a byte
// that a rule would still change or stop.
//
// Its promise: what a text becomes depends on the text alone. It is the same whole or
// in any pieces, and no more of it is held back than a rule may need.
package stream

import (
	"strings"
	"unicode/utf8"
)

// Cut is a place of a text, in bytes, and what stands there afterwards.
type Cut struct {
	Start, End int
	With       string
}

// Rules look at a text of an answer.
type Rules interface {
	// Scrubber starts on a text in which known values are replaced, or is nil.
	Scrubber() Scrubber
	// Look finds what begins in window[from:to] and returns what is to be cut, in
	// order. What follows to is there as context. An error ends the answer.
	Look(window string, from, to int) ([]Cut, error)
	// Needs is up to where the text has to be there for what may begin in window[from:to], where that is more
	// than what Look is shown anyway.
	Needs(window string, from, to int) int
	// Windowed reports whether Look finds anything at all.
	Windowed() bool
	// Finisher starts on what the others left of a text, or is nil.
	Finisher() Scrubber
}

// Scrubber replaces known values in a text that comes in pieces. It holds back what may
// be the beginning of one.
type Scrubber interface {
	Write(piece string) string
	Close() string
}

// A text is looked at in stretches, whose ends its own words decide: at the first white
// space after stretch bytes, or after longest bytes without any. around is how much
// before and after a stretch the rules see, and more of what follows where they need it, up to farthest. The first stretches are short, so that a reader
// soon sees something; long ones cost less.
const (
	short    = 64
	stretch  = 256
	begins   = 1024 // up to where stretches are short
	around   = 128
	longest  = 4096
	farthest = 2048
)

// tail is what is held of one text.
type tail struct {
	rules   Rules
	scrub   Scrubber
	finish  Scrubber
	held    string // from around before the stretch that is next
	next    int    // where that begins in held
	gone    int    // bytes of the text before held
	covered int    // up to where a cut reaches that began before; in held
	needs   int    // up to where the rules need the text for the stretch that is next; in held; 0: nobody asked
}

func newTail(r Rules) *tail { return &tail{rules: r, scrub: r.Scrubber(), finish: r.Finisher()} }

// write takes a piece and returns what may go.
func (t *tail) write(piece string) (string, error) {
	out, err := t.filter(piece)
	if t.finish != nil && err == nil {
		out = t.finish.Write(out)
	}
	return out, err
}

// close returns the rest of a text that is whole.
func (t *tail) close() (string, error) {
	out, err := t.rest()
	if t.finish != nil && err == nil {
		out = t.finish.Write(out) + t.finish.Close()
	}
	return out, err
}

// keep is what has not gone of a text that is whole.
func (t *tail) keep() string {
	if t.scrub != nil {
		t.held += t.scrub.Close()
		t.scrub = nil
	}
	return t.held[t.from():]
}

func (t *tail) from() int { return min(max(t.next, t.covered), len(t.held)) }

// instead puts another text in the place of what keep returned.
func (t *tail) instead(text string) { t.held = t.held[:t.from()] + text }

func (t *tail) filter(piece string) (string, error) {
	if t.scrub != nil {
		piece = t.scrub.Write(piece)
	}
	if !t.rules.Windowed() {
		return piece, nil
	}
	t.held += piece
	return t.release(false)
}

func (t *tail) rest() (string, error) {
	piece := ""
	if t.scrub != nil {
		piece = t.scrub.Close()
	}
	if t.held += piece; !t.rules.Windowed() {
		return t.held, nil
	}
	return t.release(true)
}

// release looks at all stretches that are there with what follows them.
func (t *tail) release(whole bool) (string, error) {
	var out strings.Builder
	for t.next < len(t.held) {
		size := stretch
		if t.gone+t.next < begins {
			size = short
		}
		end, ok := edge(t.held, t.next, size)
		see, sure := edge(t.held, end, around)
		if !whole && (!ok || !sure) {
			break
		}
		if t.needs == 0 {
			t.needs = max(see, min(t.rules.Needs(t.held[:see], t.next, end), see+farthest))
		}
		if t.needs > see {
			if see, sure = edge(t.held, min(t.needs, len(t.held)), 0); !whole && (!sure || see < t.needs) {
				break
			}
		}
		cuts, err := t.rules.Look(t.held[:see], t.next, end)
		if err != nil {
			return "", err
		}
		at := max(t.next, t.covered)
		for _, c := range cuts {
			if c.Start < t.next || c.Start >= end {
				continue // it is of another stretch
			}
			if c.Start < at { // it begins in one before, and may reach farther
				at = max(at, c.End)
				t.covered = at
				continue
			}
			out.WriteString(t.held[at:c.Start])
			out.WriteString(c.With)
			at = c.End
			t.covered = c.End
		}
		if at < end {
			out.WriteString(t.held[at:end])
		}
		t.next, t.needs = end, 0
		t.forget()
	}
	return out.String(), nil
}

// forget drops what no rule sees any more.
func (t *tail) forget() {
	from := back(t.held, t.next)
	t.held = t.held[from:]
	t.gone += from
	t.next -= from
	t.covered = max(t.covered-from, 0)
}

// edge is the end of the words that begin within n bytes after from. ok is false where
// the text ends before that is known.
func edge(text string, from, n int) (end int, ok bool) {
	for i := from + n; i < len(text); i++ {
		if space(text[i]) {
			return i + 1, true
		}
		if i >= from+n+longest && utf8.RuneStart(text[i]) {
			return i, true
		}
	}
	return len(text), false
}

// back is the beginning of the words that end within around bytes before to.
func back(text string, to int) int {
	for i := to - around; i > 0; i-- {
		if space(text[i-1]) || i <= to-around-longest && utf8.RuneStart(text[i]) {
			return i
		}
	}
	return 0
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// Whole is what a text becomes that is there whole.
func Whole(r Rules, text string) (string, error) {
	t := newTail(r)
	a, err := t.write(text)
	if err != nil {
		return "", err
	}
	b, err := t.close()
	return a + b, err
}
