package text

import (
	"slices"
	"sort"
)

// Span is a place in a text: bytes, the end exclusive.
type Span struct{ Start, End int }

// View is a text as somebody may read it: the original, or what was made of
// another view.
type View struct {
	Text string
	// Via says how it was made, outermost first: "unicode", "base64". The
	// original has none.
	Via []string

	from    *View
	runs    []run
	settled bool // it is its own normal form, and hides nothing
}

// Origin is the place in the original that a place in the view came from. It
// is never empty when the place is not, and never beyond the original. What
// was decoded as a whole comes from the whole of what was encoded.
func (v *View) Origin(start, end int) Span {
	start = min(max(start, 0), len(v.Text))
	end = min(max(end, start), len(v.Text))
	if v.from == nil {
		return Span{start, end}
	}
	if len(v.runs) == 0 {
		return v.from.Origin(0, 0)
	}
	first := v.run(start)
	at := v.runs[first].begin(start)
	if start == end {
		return v.from.Origin(at, at)
	}
	last := v.run(end - 1)
	to := v.runs[last].finish(end)
	if first != last { // both may have come from one place
		at = min(at, int(v.runs[last].from))
		to = max(to, v.runs[first].finish(int(v.runs[first+1].at)))
	}
	return v.from.Origin(at, to)
}

// Exact reports whether characters of the view stand for characters of the original, so that a place in it is one
// in the original: it is that, its normal form, or has escapes undone.
func (v *View) Exact() bool {
	return !slices.ContainsFunc(v.Via, func(how string) bool { return how != "unicode" && how != "escapes" })
}

// Original is the text that the view was made of, in the end.
func (v *View) Original() string {
	for v.from != nil {
		v = v.from
	}
	return v.Text
}

// run is a stretch of a view that begins at `at`. With end < 0 it is the same
// bytes as those of its parent from `from` on; otherwise all of it came from
// all of [from, end).
type run struct{ at, from, end int32 }

// run is the number of the stretch that a place lies in.
func (v *View) run(at int) int {
	return max(0, sort.Search(len(v.runs), func(i int) bool { return int(v.runs[i].at) > at })-1)
}

func (r run) begin(at int) int {
	if r.end >= 0 {
		return int(r.from)
	}
	return int(r.from) + at - int(r.at)
}

func (r run) finish(end int) int {
	if r.end >= 0 {
		return int(r.end)
	}
	return int(r.from) + end - int(r.at)
}

// builder writes a view and remembers where each stretch came from.
type builder struct {
	of   *View
	text []byte
	runs []run
}

// same copies a stretch of the parent.
func (b *builder) same(from, end int) {
	if from >= end {
		return
	}
	if n := len(b.runs); n == 0 || b.runs[n-1].end >= 0 || int(b.runs[n-1].from)+len(b.text)-int(b.runs[n-1].at) != from {
		b.runs = append(b.runs, run{int32(len(b.text)), int32(from), -1})
	}
	b.text = append(b.text, b.of.Text[from:end]...)
}

// instead writes what stands for a stretch of the parent.
func (b *builder) instead(with []byte, from, end int) {
	if len(with) == 0 {
		return
	}
	if len(b.runs) == cap(b.runs) {
		b.runs = slices.Grow(b.runs, len(b.runs)+1) // append alone copies many runs five times
	}
	b.runs = append(b.runs, run{int32(len(b.text)), int32(from), int32(end)})
	b.text = append(b.text, with...)
}

// part begins what is no neighbour of what was written before.
func (b *builder) part(from int) {
	if len(b.text) > 0 {
		b.instead([]byte{'\n'}, from, from)
	}
}

func (b *builder) view(via string) *View {
	return &View{Text: string(b.text), Via: append(b.of.Via[:len(b.of.Via):len(b.of.Via)], via), from: b.of, runs: b.runs}
}
