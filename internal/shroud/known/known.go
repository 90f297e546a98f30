// Package known finds the values that an agent may use in a text: as they are,
// and as programs write them elsewhere.
//
// Its promise: a value of at least Shortest bytes is found in the clear, in base64
// at any alignment and in either alphabet, with every letter that holds a bit of
// it, in hex, escaped for URLs, JSON and HTML, and split over lines; in a stream
// the same is found however it is cut.
// The cost of a byte hardly depends on how many values there are. A set keeps
// no value: only keyed hashes of values, of blocks of them and of places in them.
package known

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"slices"
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

// Match is a place where a value stands. Of two that overlap the first counts,
// of two that begin together the longer.
type Match struct {
	text.Span
	Label string
	As    string // "plain", "base64", "hex", "escaped"
}

// Set is a number of values, ready to be looked for. It does not change.
type Set struct {
	key     [32]byte
	labels  []string
	heads   map[digest][]pattern // by the hash of the first block
	near    *index               // patterns too short for the other
	far     *index
	longest int
}

// New makes a set. The values may be wiped after it.
func New(values []Value) *Set {
	s := &Set{heads: map[digest][]pattern{}}
	_, _ = rand.Read(s.key[:]) // never fails
	s.near = newIndex(4, binary.LittleEndian.Uint64(s.key[0:]), binary.LittleEndian.Uint64(s.key[8:]))
	s.far = newIndex(8, binary.LittleEndian.Uint64(s.key[16:]), binary.LittleEndian.Uint64(s.key[24:]))
	erase.Do(func() { s.fill(values) }) // no spelling stays on the heap or a stack
	return s
}

func (s *Set) fill(values []Value) {
	near, far := &anchors{to: s.near}, &anchors{to: s.far}
	for _, v := range values {
		label := len(s.labels)
		for _, sp := range spellings(v.Value.Reveal()) {
			switch {
			case !s.add(sp, label): // another value's
				clear(sp.text)
				continue
			case len(sp.text) < farFrom:
				near.of = append(near.of, sp.text)
			default:
				far.of = append(far.of, sp.text)
			}
			if label == len(s.labels) {
				s.labels = append(s.labels, v.Label)
			}
		}
	}
	near.build()
	far.build()
}

// Longest is how much of a text, without its escapes and line breaks, must be
// seen before it is certain that no value begins at its start.
func (s *Set) Longest() int { return s.longest }

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
	src       []byte // a window of a string
	text, raw canon
	hits      []hit
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
	c.take(src, true, last)
	certain := len(src)
	if !last {
		certain = c.start(max(0, len(c.text)-s.longest))
	}
	w.hits = w.hits[:0]
	c.hits(s, &w.hits)
	if c.escapes {
		// What looks like an escape may be the value itself.
		raw := &w.raw
		raw.take(src, false, last)
		raw.hits(s, &w.hits)
		if !last {
			before, _ := c.around(raw.start(max(0, len(raw.text)-s.longest)))
			certain = min(certain, before)
		}
	}
	slices.SortFunc(w.hits, func(a, b hit) int { return cmp.Compare(a.from, b.from) })
	var found []Match
	end := 0
	for i, n := 0, 0; i < len(w.hits); i += n {
		from := w.hits[i].from
		first := from // with the letter before it
		for n = 0; i+n < len(w.hits) && w.hits[i+n].from == from; n++ {
			first = min(first, w.hits[i+n].first())
		}
		if from < end {
			continue
		}
		if first >= certain {
			break
		}
		m, core, open := s.longestOf(w.hits[i:i+n], certain, last)
		if open || !last && m.End > c.read {
			before, _ := c.around(first)
			return found, max(end, before) // more of it may follow
		}
		for _, next := range w.hits[i+n:] {
			if next.from >= core { // it may begin within the edge
				m.End = min(m.End, next.from)
				break
			}
		}
		// What is left must not begin within an escape: it would be another text.
		m.Start = max(m.Start, end)
		_, m.End = c.around(m.End)
		end = m.End
		found = append(found, m)
	}
	return found, max(certain, end)
}

// hit is a pattern that begins at a place, as far as it must be there.
type hit struct {
	from, at int // in the source, and in the text that was read from it
	of       *canon
	pattern  pattern
}

// longestOf is the longest of the values that begin at one place, and where it ends without
// its edge; open, when there may be more of one than is there yet.
func (s *Set) longestOf(hits []hit, certain int, last bool) (best Match, core int, open bool) {
	var of pattern
	for _, h := range hits {
		size, more := s.covers(h.of.text[h.at:], h.pattern, last)
		to := h.at + size
		m := Match{Label: s.labels[h.pattern.label], As: h.pattern.as}
		m.Start, m.End = h.first(), h.of.end(h.after(to))
		open = open || more || !last && h.pattern.edge.after && m.End > certain // what begins within the edge is not known
		if best.End == 0 || cmp.Or(cmp.Compare(m.End, best.End), cmp.Compare(of.label, h.pattern.label), cmp.Compare(best.As, m.As)) > 0 {
			best, of, core = m, h.pattern, h.of.end(to)
		}
	}
	return best, core, open
}
