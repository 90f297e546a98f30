// Package mask takes secrets out of an answer while it passes, and changes nothing else of
// it: each byte of a secret, in whatever spelling it is found, becomes a star, so that lengths,
// frames and offsets stay what they were.
//
// Its promise: however an answer is cut into pieces, no spelling of a value that known finds
// leaves it whole; and how much is let go when depends on how much came, never on what it says, so that
// nobody learns from a delay how a value begins.
package mask

import (
	"bytes"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Mask is one answer. It is for one goroutine.
type Mask struct {
	sets   []*known.Set
	names  *known.Set // of the values, for names of headers
	window int        // how many of the last bytes are held back
	reach  int        // how far a value goes on that was found before it was whole
	held   []byte     // what was let go of last, and what was not
	stars  []span     // of held: what belongs to values, in order and apart
	gone   int        // of held: let go
	seen   int        // of held: looked at
	keep   int        // of held: where a value begins that may go on
	old    int        // of held: what was there at the last call of Aged
	out    []byte
	by     *Finders
	found  int
	in     bool // the last byte that was let go belongs to a value
}

// span is a stretch of what is held.
type span struct{ from, to int }

// New makes a mask for values. They may be wiped after it. Each is looked for by itself: one that
// a caller made to overlap with another hides no part of it. Wipe it.
func New(values []known.Value) *Mask {
	var sets []*known.Set
	for i, v := range values {
		same := func(o known.Value) bool { return bytes.Equal(o.Value.Reveal(), v.Value.Reveal()) }
		if !slices.ContainsFunc(values[:i], same) {
			sets = append(sets, known.New([]known.Value{v}))
		}
	}
	return Of(sets, known.Names(values), &Finders{})
}

// Of is New for the sets of the values, each by itself, and their names (known.Names). by may be shared with
// other masks.
func Of(sets []*known.Set, names *known.Set, by *Finders) *Mask {
	m := &Mask{names: names, by: by}
	for _, s := range sets {
		if s.Longest() > 0 {
			m.sets = append(m.sets, s)
			m.window, m.reach = max(m.window, s.Window()), max(m.reach, s.Reach())
		}
	}
	return m
}

// Again is a mask of the same values for another text.
func (m *Mask) Again() *Mask {
	return &Mask{sets: m.sets, names: m.names, by: m.by, window: m.window, reach: m.reach}
}

// Write takes a piece and returns what may be let go by now: all but the last bytes, as many as a value may
// take. What came is looked at when it is as much again. The result is good until the next call.
func (m *Mask) Write(piece []byte) []byte {
	m.held = append(m.held, piece...)
	if len(m.held)-m.seen < m.window {
		return nil
	}
	m.look()
	return m.release(len(m.held) - m.window)
}

// Quiet returns all that is held back, when nothing has come for a moment. Should it be the beginning of
// a value, the rest of that is found.
func (m *Mask) Quiet() []byte {
	m.look()
	out := m.release(len(m.held))
	if cap(m.held)+cap(out) > roomy {
		m.rest()
	}
	return out
}

// roomy is how much memory a text may take in which nothing comes.
const roomy = 16 << 10

// rest gives back the memory that a text took as it flowed.
func (m *Mask) rest() {
	kept := bytes.Clone(m.held)
	clear(m.held[:cap(m.held)])
	m.held, m.out = kept, nil
}

// Aged returns what was held back at the last call of it already: a text that comes slowly and without a pause
// is not held up for longer than between two calls.
func (m *Mask) Aged() []byte {
	m.look()
	old := m.old
	m.old = len(m.held)
	return m.release(max(m.gone, old))
}

// Rest returns what was held back, at the answer's end.
func (m *Mask) Rest() []byte { return m.Quiet() }

// Holds reports whether something waits that Quiet lets go.
func (m *Mask) Holds() bool { return len(m.held) > m.gone }

// Found is how many values were taken out.
func (m *Mask) Found() int { return m.found }

// Text is a text of its own without the values.
func (m *Mask) Text(text string) string {
	one := m.Again()
	defer one.Wipe()
	one.held = []byte(text)
	out := string(one.Rest())
	m.found += one.found
	return out
}

// Names reports whether the name of a header has a value in it, in capitals or small letters, and counts it.
func (m *Mask) Names(name string) bool {
	if !known.Named(m.names, name) {
		return false
	}
	m.found++
	return true
}

// Wipe forgets what is held.
func (m *Mask) Wipe() {
	clear(m.held[:cap(m.held)])
	clear(m.out[:cap(m.out)])
}

// look notes which bytes belong to values.
func (m *Mask) look() {
	m.seen, m.keep = len(m.held), len(m.held)
	f := m.by.take()
	defer m.by.put(f)
	f.Read(m.held)
	for _, s := range m.sets {
		from, end := 0, -1 // of values that stand side by side: the last may have begun in the first
		for _, v := range f.Find(s) {
			m.stars = append(m.stars, span{v.Start, v.End})
			if v.Start > end {
				from = v.Start
			}
			if end = v.End; s.Reach() > 0 && end > len(m.held)-m.window {
				m.keep = min(m.keep, from)
			}
		}
	}
	if len(m.stars) > 1 {
		slices.SortFunc(m.stars, func(a, b span) int { return a.from - b.from })
		joined := m.stars[:1]
		for _, s := range m.stars[1:] {
			if last := &joined[len(joined)-1]; s.from <= last.to {
				last.to = max(last.to, s.to)
			} else {
				joined = append(joined, s)
			}
		}
		m.stars = joined
	}
}

// release lets go of what is before a place, and forgets what no value can go on from.
func (m *Mask) release(to int) []byte {
	m.out = m.out[:0]
	if to > m.gone {
		m.out = append(m.out, m.held[m.gone:to]...)
		m.star(to)
		m.gone = to
	}
	m.forget(m.unescaped(max(0, min(m.gone-m.window, max(m.keep, len(m.held)-m.window-m.reach)))))
	return m.out
}

// unescaped is a place, or the one before where a backslash that stands there would be read without the one that it
// belongs to.
func (m *Mask) unescaped(at int) int {
	n := 0
	for n < at && m.held[at-n-1] == '\\' {
		n++
	}
	return at - n%2
}

// forget forgets what is before a place.
func (m *Mask) forget(before int) {
	m.gone, m.seen, m.keep, m.old = m.gone-before, m.seen-before, m.keep-before, max(0, m.old-before)
	n := copy(m.held, m.held[before:])
	clear(m.held[n:])
	m.held = m.held[:n]
	kept := m.stars[:0]
	for _, s := range m.stars {
		if s.to > before {
			kept = append(kept, span{max(0, s.from-before), s.to - before})
		}
	}
	m.stars = kept
}

// star puts stars over the values in what is let go, up to a place.
func (m *Mask) star(to int) {
	in := false
	for _, s := range m.stars {
		from, end := max(s.from, m.gone), min(s.to, to)
		if from >= end {
			continue
		}
		for i := from; i < end; i++ {
			m.out[i-m.gone] = '*'
		}
		if from > m.gone || !m.in {
			m.found++
		}
		in = end == to
	}
	m.in = in
}
