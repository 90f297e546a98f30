package known

import "strings"

// Stream looks for the values of sets in a text that comes in pieces.
type Stream struct {
	as   func(Match) string
	sets []*finding
	text []byte // that was not told
	at   int    // of text, in the whole
	over int    // up to where matches cover it
}

// finding is what one set has found in a text, and is still looking at.
type finding struct {
	set     *Set
	scan    scanner
	held    []byte
	at      int     // of what is held, in the whole text
	found   []Match // that are not told, in the whole text
	certain int
}

// Stream begins a text in which something else is written for each value.
func (s *Set) Stream(as func(Match) string) *Stream { return Together(as, s) }

// Together begins a text in which something else is written for each value of several sets. Where values of two
// overlap, the one that begins first is told, and what is left of the other; of two that begin together that of the
// earlier set.
func Together(as func(Match) string, sets ...*Set) *Stream {
	t := &Stream{as: as}
	for _, s := range sets {
		t.sets = append(t.sets, &finding{set: s})
	}
	return t
}

// Write takes a piece and returns what is certain by now. The rest is held
// back: about as much as Longest, without escapes and line breaks.
func (t *Stream) Write(piece string) string { return t.release(piece, false) }

// Close returns the rest.
func (t *Stream) Close() string { return t.release("", true) }

// Held is how many bytes are held back.
func (t *Stream) Held() int { return len(t.text) }

func (t *Stream) release(piece string, last bool) string {
	t.text = append(t.text, piece...)
	certain := t.at + len(t.text)
	for _, f := range t.sets {
		f.take(piece, last)
		certain = min(certain, f.certain)
	}
	var out strings.Builder
	at := max(t.at, t.over)
	for {
		m, ok := t.next(certain)
		if !ok {
			break
		}
		if m.End <= t.over {
			continue // it lies in another
		}
		if m.Start < t.over {
			m.Start, m.Rest = t.over, true
		}
		out.Write(t.text[at-t.at : m.Start-t.at])
		at, t.over = m.End, m.End
		out.WriteString(t.as(m))
	}
	if at < certain {
		out.Write(t.text[at-t.at : certain-t.at])
	}
	t.text = append(t.text[:0], t.text[certain-t.at:]...)
	t.at = certain
	return out.String()
}

// next takes the match that begins first, before a place.
func (t *Stream) next(before int) (m Match, ok bool) {
	var from *finding
	for _, f := range t.sets {
		if len(f.found) > 0 && f.found[0].Start < before && (from == nil || f.found[0].Start < from.found[0].Start) {
			from = f
		}
	}
	if from == nil {
		return Match{}, false
	}
	m = from.found[0]
	from.found = from.found[1:]
	return m, true
}

// take looks at a piece with what is held.
func (f *finding) take(piece string, last bool) {
	f.held = append(f.held, piece...)
	found, certain := f.scan.scan(f.set, f.held, last)
	for _, m := range found {
		m.Start += f.at
		m.End += f.at
		f.found = append(f.found, m)
	}
	f.held = append(f.held[:0], f.held[certain:]...)
	f.at += certain
	f.certain = f.at
}
