package known

import "cmp"

// hit is a pattern that begins at a place, as far as it must be there.
type hit struct {
	from, at int // in the source, and in the text that was read from it
	of       *canon
	pattern  *pattern
}

// cover is up to where a text is covered by matches that were told, and the value that begins in
// them and reaches farthest.
type cover struct {
	end  int
	rest Match
}

// leave is the cover of the text from a place on.
func (o cover) leave(at int) cover {
	o.end = max(0, o.end-at)
	o.rest.End = max(0, o.rest.End-at)
	return o
}

// matches are the values of the hits that were found, and up to where they are certain. Where that
// is the beginning, nothing was found.
func (w *scanner) matches(s *Set, src []byte, certain int, last bool) (found []Match, upTo int) {
	over := w.over
	upTo = len(src)
	if !last {
		upTo = certain
	}
	for {
		place, more := w.hits.first(0)
		if more && place < over.end {
			if place >= certain {
				break
			}
			rest, _, open := w.longestOf(s, w.hits.next(0), certain, last)
			if open {
				upTo = w.text.before(place) // more of it may follow
				break
			}
			if rest.End > over.rest.End {
				over.rest = rest
			}
			continue
		}
		if over.end > certain || over.end == certain && !last {
			break // what begins before the end, or at it, is not known yet
		}
		if over.rest.End > over.end && !(more && place == over.end) {
			m := over.rest
			m.Start, m.End, m.Rest = over.end, w.text.past(m.End), true
			over.end = m.End
			found = append(found, m)
			continue
		}
		if !more {
			break
		}
		m, open := w.begin(s, &over, certain, last)
		if open {
			upTo = m.Start
		}
		if open || m.End == 0 {
			break
		}
		found = append(found, m)
	}
	if upTo == 0 {
		return nil, 0
	}
	w.over = over.leave(upTo)
	return found, upTo
}

// begin is the match of the hits that are next. It is the zero one where they are not certain; open, when
// more of one may follow from its start on.
func (w *scanner) begin(s *Set, over *cover, certain int, last bool) (m Match, open bool) {
	here := w.hits.next(0)
	first := here[0].from // with the letter before it
	for _, h := range here {
		first = min(first, h.first())
	}
	if first >= certain {
		return Match{}, false
	}
	m, core, open := w.longestOf(s, here, certain, last)
	if open {
		m.Start = w.text.before(first)
		return m, true
	}
	if next, ok := w.hits.first(core); ok { // it may begin within the edge
		m.End = min(m.End, next)
	}
	m.Start = max(m.Start, over.end)
	m.End = w.text.past(m.End) // else what is left would be another text
	over.end = m.End
	return m, false
}

// longestOf is the longest of the values that begin at one place, and where it ends without
// its edge; open, when there may be more of one than is there yet.
func (w *scanner) longestOf(s *Set, hits []hit, certain int, last bool) (best Match, core int, open bool) {
	of := &pattern{}
	for _, h := range hits {
		in := s
		if h.of == &w.flat {
			in = s.flat
		}
		size, more := h.of.covers(in, h.at, h.pattern, last)
		to := h.at + size
		m := Match{Label: s.labels[h.pattern.label], As: h.pattern.as}
		m.Start, m.End = h.first(), h.of.end(h.after(to))
		open = open || more || !last && h.pattern.edge.after && m.End > certain // what begins within the edge is not known
		if best.End == 0 || cmp.Or(cmp.Compare(m.End, best.End), cmp.Compare(of.label, h.pattern.label), cmp.Compare(best.As, m.As)) > 0 {
			best, of, core = m, h.pattern, h.of.end(to)
		}
	}
	return best, core, open || !last && best.End > w.text.read
}
