package known

import (
	"bytes"
	"sort"
	"strings"
)

// A value of several lines is written in one, too: with a blank, a comma, a tag or something else in place of each
// line break, as texts of a list, or with other white space than it has. A flat canon is a text without all of
// that; values of several lines are looked for in it without the same. Values of one line cost nothing.

// leastFlat is the size of the shortest value that is looked for in flat texts: a shorter one might be a few words.
const leastFlat = 12

// mostGap is how much of a text may stand between two characters of a value.
const mostGap = 32

// flatten makes the set of the values of several lines.
func (s *Set) flatten(values []Value) {
	var far *anchors
	for label, v := range values {
		all := flatSpellings(v.Value.Reveal())
		if len(all) == 0 {
			continue
		}
		if s.flat == nil {
			s.flat = newSet()
			far = &anchors{to: s.flat.far}
			s.kept = newKept()
		}
		for _, sp := range all {
			s.flat.gaps = s.flat.gaps || holdsGap(sp.text)
		}
		s.flat.take(label, all, far, far) // none is near: they are longer
	}
	if s.flat != nil {
		far.build()
		s.longest, s.whole, s.early = max(s.longest, s.flat.longest), max(s.whole, s.flat.whole), s.early || s.flat.early
	}
}

// severalLines reports whether a value has line breaks, or says where some are.
func severalLines(value []byte) bool {
	value = bytes.TrimSpace(value)
	return bytes.ContainsAny(value, "\n\r") || bytes.Contains(value, []byte(`\n`))
}

// flatSpellings are the ways in which a value of several lines is looked for in flat texts.
func flatSpellings(value []byte) (out []spelling) {
	if !severalLines(value) {
		return nil
	}
	for _, sp := range read(bytes.TrimSpace(value), "plain") {
		of := &canon{text: sp.text, runs: []run{{0, 0, -1}}, read: len(sp.text)}
		flat := &canon{}
		flat.takeFlat(of, true, 0)
		if len(flat.text) >= leastFlat {
			out = append(out, spelling{text: bytes.Clone(flat.text), as: sp.as})
		}
		flat.wipe()
		clear(sp.text)
	}
	return out
}

// takeFlat makes a canon of what of another stands between no lines, and returns from which place of the source on
// what follows may change it.
func (c *canon) takeFlat(of *canon, last bool, longest int) (sure int) {
	return c.takePart(of, 0, len(of.text), last, longest)
}

// takePart is takeFlat of a part of the text, which no tag reaches into.
func (c *canon) takePart(of *canon, from, to int, last bool, longest int) (sure int) {
	c.begin()
	c.text, c.read = c.room(to-from), of.read
	end := to
	if !last && to == len(of.text) {
		end = begun(of.text)
	}
	gap, i := 0, from
	for n := of.search(from); n < len(of.runs); n++ {
		r, next := of.runs[n], end
		if n+1 < len(of.runs) {
			next = min(end, of.runs[n+1].at)
		}
		for i = max(i, r.at); i < next; {
			if size := between(of.text[:end], i); size > 0 {
				if gap += size; gap > mostGap { // it is a gap in no value
					c.keep(of.text[i:i+1], r, i)
				}
				i += size
				continue
			}
			from := i
			for i++; i < next && (!mayStand(of.text[i], of.text[i-1]) || between(of.text[:end], i) == 0); {
				i++
			}
			c.keep(of.text[from:i], r, from)
			gap = 0
		}
	}
	c.own = c.text
	sure = of.read
	if end < len(of.text) {
		sure = of.start(end)
	}
	if len(c.text) > 0 {
		sure = min(sure, c.start(max(0, len(c.text)-longest)))
	}
	return sure
}

// keep takes in bytes of a stretch of another canon, from a place in it on.
func (c *canon) keep(b []byte, of run, at int) {
	r := run{len(c.text), of.from, of.end}
	if of.end < 0 {
		r.from += at - of.at
	}
	c.runs = append(c.runs, r)
	c.text = append(c.text, b...)
}

// separators are the bytes below 64 that stand between lines.
const separators = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\v' | 1<<'\f' | 1<<'\r' | 1<<',' | 1<<';' | 1<<'"' | 1<<'\'' | 1<<'+'

// holdsGap reports whether a text has something that stands between lines.
func holdsGap(b []byte) bool {
	for i := range b {
		if between(b, i) > 0 {
			return true
		}
	}
	return false
}

// mayStand reports whether between may be more than 0 at a byte, by it and the one before: it is asked for each.
func mayStand(c, before byte) bool {
	if c < 64 {
		return uint64(separators|1<<'<')>>c&1 != 0
	}
	return c == '|' || c == '\\' || before == '\\'
}

// between is the size of what stands between lines at a place, or 0: a separator, a tag, or a line break that is escaped
// once more.
func between(b []byte, i int) int {
	switch c := b[i]; {
	case c < 64 && uint64(separators)>>c&1 != 0, c == '|', c == '\\':
		return 1
	case c == 'n' || c == 'r' || c == 't':
		if i > 0 && b[i-1] == '\\' {
			return 1
		}
	case c == '<':
		size, _ := tag(b[i:])
		return size
	}
	return 0
}

// apart is the last place of the source up to `at` that lies in nothing that stands between lines as one.
func (c *canon) apart(at int) int {
	n := c.at(at)
	for i := n - 1; i >= max(0, n-longestTag+1); i-- {
		if c.text[i] == '<' {
			if size, _ := tag(c.text[i:]); size > n-i {
				return c.start(i)
			}
		}
	}
	if n > 0 && n < len(c.text) && c.text[n-1] == '\\' && between(c.text, n) > 0 {
		return c.start(n - 1)
	}
	return at
}

// at is where in the text a place of the source is.
func (c *canon) at(place int) int {
	i := sort.Search(len(c.runs), func(i int) bool { return c.runs[i].from > place }) - 1
	if i < 0 {
		return 0
	}
	next := len(c.text)
	if i+1 < len(c.runs) {
		next = c.runs[i+1].at
	}
	r := c.runs[i]
	switch {
	case r.end < 0:
		return min(next, r.at+place-r.from)
	case place == r.from:
		return r.at
	}
	return next
}

// longestTag is the size of <br />.
const longestTag = 6

// tag is the size of a tag for a line break at the beginning of a text, or 0. It is open when it may be one, if more follows.
func tag(b []byte) (size int, open bool) {
	const name = "<br"
	n := min(len(b), len(name))
	if !strings.EqualFold(string(b[:n]), name[:n]) {
		return 0, false
	}
	i := n
	for _, may := range []byte(" /") {
		if i < len(b) && b[i] == may {
			i++
		}
	}
	if i == len(b) {
		return 0, true
	}
	if b[i] != '>' {
		return 0, false
	}
	return i + 1, false
}

// begun is where a tag begins at the end of a text, of which more may follow, or the end.
func begun(b []byte) int {
	for i := max(0, len(b)-longestTag+1); i < len(b); i++ {
		if b[i] == '<' {
			if _, open := tag(b[i:]); open {
				return i
			}
		}
	}
	return len(b)
}
