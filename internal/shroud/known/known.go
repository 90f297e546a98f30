// Package known finds the values that an agent may use in a text: as they are,
// and as programs write them elsewhere.
//
// Its promise: a value of at least Shortest bytes is found in the clear, in base64
// at any alignment and in either alphabet, with every letter that holds a bit of
// it, in hex of either case or both, with what programs write between its pairs, with all of its
// characters or some escaped for URLs, JSON and HTML, and split over lines; one of several lines also with something
// else in place of its line breaks, and of one of those each part that looks random by itself. In a stream the same is found however it is cut.
// The cost of a byte hardly depends on how many values there are. A set keeps
// no value: only keyed hashes of values, of blocks of them and of places in them.
package known

import (
	"crypto/rand"
	"encoding/binary"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Shortest is the size of the shortest value that is looked for: anything
// shorter would be found everywhere.
const Shortest = 6

// head is how much of a value must be there before it counts as found. What
// follows is covered as far as it is there.
const head = 256

// Value is what to look for, and what it is called.
type Value struct {
	Label string
	Value secret.Bytes
}

// Match is a place where a value stands. Of values that begin together the longest counts. Of
// those that begin within another the one that reaches farthest has what it goes on with.
type Match struct {
	text.Span
	Label string
	As    string // "plain", "base64", "hex", "escaped"
	Rest  bool   // the value begins in the match before
}

// Set is a number of values, ready to be looked for. It does not change.
type Set struct {
	key     [32]byte
	labels  []string
	heads   map[digest][]pattern // by the hash of the first block
	near    *index               // patterns too short for the other
	far     *index
	flat    *Set // values of several lines, for texts without what stands between lines; nil: none
	gaps    bool // some pattern of a flat set has what stands between lines
	kept    kept // with a flat set
	longest int
	whole   int // the size of the longest spelling, all of it
	early   bool
	hex     hexLetters
}

// New makes a set. The values may be wiped after it.
func New(values []Value) *Set {
	s := made(values, spellings, tokens)
	erase.Do(func() { s.flatten(values) })
	return s
}

// made makes a set of values by what they are looked for as. What is one thing of a value keeps its label before it is
// a later thing of another.
func made(values []Value, spelled ...func([]byte) []spelling) *Set {
	s := newSet()
	erase.Do(func() { s.fill(values, spelled) }) // no spelling stays on the heap or a stack
	return s
}

func newSet() *Set {
	s := &Set{heads: map[digest][]pattern{}, hex: newHexLetters()}
	_, _ = rand.Read(s.key[:]) // never fails
	s.near = newIndex(4, binary.LittleEndian.Uint64(s.key[0:]), binary.LittleEndian.Uint64(s.key[8:]))
	s.far = newIndex(8, binary.LittleEndian.Uint64(s.key[16:]), binary.LittleEndian.Uint64(s.key[24:]))
	return s
}

func (s *Set) fill(values []Value, spelled []func([]byte) []spelling) {
	near, far := &anchors{to: s.near}, &anchors{to: s.far}
	for _, v := range values {
		s.labels = append(s.labels, v.Label)
	}
	for _, of := range spelled {
		for label, v := range values {
			s.take(label, of(v.Value.Reveal()), near, far)
		}
	}
	near.build()
	far.build()
}

// take keeps spellings, and notes their texts for an index.
func (s *Set) take(label int, all []spelling, near, far *anchors) {
	for _, sp := range all {
		switch {
		case !s.add(sp, label): // another value's
			clear(sp.text)
		case len(sp.text) < farFrom:
			near.of = append(near.of, sp.text)
		default:
			far.of = append(far.of, sp.text)
		}
	}
}

// Longest is how much of a text, without its escapes and line breaks, must be
// seen before it is certain that no value begins at its start.
func (s *Set) Longest() int { return s.longest }

// Window is how many bytes of a text a value takes at most before it is found, however each of its characters is
// escaped. The text may be longer where it has more line breaks than escapes.
func (s *Set) Window() int {
	if s.longest == 0 {
		return 0
	}
	const beside = 16 // an escape before it, the letter of base64 beside it, padding
	return s.longest*maxEscape + beside
}

// Reach is Window of a whole value, where some of it may be found before, and else 0.
func (s *Set) Reach() int {
	if !s.early {
		return 0
	}
	return s.whole * maxEscape
}

// Find returns the values in a text, in order.
func (s *Set) Find(src string) []Match {
	var found []Match
	var w scanner
	for at := 0; at < len(src); {
		last := len(src)-at <= window
		w.src = append(w.src[:0], src[at:min(at+window, len(src))]...)
		here, certain := w.scan(s, w.src, last)
		if certain == 0 { // something is longer than a window
			here, certain = w.scan(s, []byte(src[at:]), true)
		}
		for _, m := range here {
			m.Start += at
			m.End += at
			found = append(found, m)
		}
		at += certain
	}
	return found
}

// window is how much is looked at at once, so that it stays near the processor.
const window = 64 << 10

// scanner has the memory that one scan leaves for the next.
type scanner struct {
	src              []byte // a window of a string
	text, raw, pairs canon
	flat, tight      canon
	hits             hits
	over             cover
}

// Redact returns a text with something else for each value in it.
func (s *Set) Redact(src string, as func(Match) string) string {
	found := s.Find(src)
	if len(found) == 0 {
		return src
	}
	var b strings.Builder
	b.Grow(len(src))
	from := 0
	for _, m := range found {
		b.WriteString(src[from:m.Start])
		b.WriteString(as(m))
		from = m.End
	}
	b.WriteString(src[from:])
	return b.String()
}

// scan returns the values that certainly stand in src, and up to where that is
// certain: all of it when nothing follows.
func (w *scanner) scan(s *Set, src []byte, last bool) ([]Match, int) {
	if s.longest == 0 {
		return nil, len(src)
	}
	c := &w.text
	w.raw.like, w.pairs.like = c, c
	c.takeWith(&w.raw, src, all, last)
	certain := len(src)
	if !last {
		certain = c.start(max(0, len(c.text)-s.longest))
		if raw := &w.raw; c.escapes {
			certain = min(certain, c.before(raw.start(max(0, len(raw.text)-s.longest))))
		}
	}
	if sure := w.pairs.takePairs(&s.hex, src, last, s.longest); sure < len(src) {
		certain = min(certain, c.before(sure))
	}
	if s.flat != nil {
		sure := w.takeLines(s, last)
		if !last {
			certain = c.apart(c.before(min(sure, certain)))
		}
	}
	w.look(s)
	return w.matches(s, src, certain, last)
}

// look notes the hits of a set in the text that was taken in.
func (w *scanner) look(s *Set) {
	w.hits.clear()
	w.text.hits(s, &w.hits)
	if w.text.escapes {
		w.raw.hits(s, &w.hits) // what looks like an escape may be the value itself
	}
	if s.flat != nil {
		w.flat.hits(s.flat, &w.hits)
	}
	if len(w.pairs.text) > 0 {
		n := w.hits.used
		w.pairs.hits(s, &w.hits)
		w.hits.drop(n, func(h hit) bool { return h.pattern.as == "base64" || h.pattern.size < leastHex })
	}
	w.hits.sort()
}
