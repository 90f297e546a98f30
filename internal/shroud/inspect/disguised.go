package inspect

import (
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// disguised finds the values of sets that do not stand in a text as they are, nor as known.Set reads them: with
// characters that nobody sees, in letters that look like theirs, and in what is encoded, packed or turned around
// in it. The places are those of the text, in order and apart.
func disguised(read *text.Reading, sets ...*known.Set) (out []known.Match) {
	var all []known.Match
	for _, v := range read.Views[1:] {
		for _, set := range sets {
			if set == nil {
				continue
			}
			for _, m := range set.Find(v.Text) {
				m.Span, m.As = v.Origin(m.Start, m.End), "disguised"
				all = append(all, m)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b known.Match) int { return a.Start - b.Start })
	for _, m := range all {
		if n := len(out); n > 0 && m.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, m.End)
			continue
		}
		out = append(out, m)
	}
	return out
}

// reading is a text as whoever looks for secrets in it reads it.
func reading(src string) *text.Reading {
	read := text.Read(src, text.Defaults())
	return &read
}

// secretsIn finds what private does in the views of a text beside the text itself.
func (s *Session) secretsIn(read *text.Reading, request bool, only func(text.Span) bool) (cuts []stream.Cut, err error) {
	for _, v := range read.Views[1:] {
		more, err := s.personal(v.Text, v.Origin, v.Exact(), request, only)
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, more...)
	}
	return cuts, nil
}
