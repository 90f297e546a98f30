package inspect

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// disguised finds the values of sets that stand in a text with characters that nobody sees, or in letters that
// look like theirs: in its normal form, and in what is hidden in it. The places are those of the text, in order
// and apart.
func disguised(src string, sets ...*known.Set) (out []known.Match) {
	if strings.IndexFunc(src, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return nil // it is its own normal form
	}
	o := text.Defaults()
	o.Depth, o.Views = 1, 6
	var all []known.Match
	read := text.Read(src, o)
	for _, v := range read.Views[1:] {
		for _, set := range sets {
			if set == nil {
				continue
			}
			for _, m := range set.Find(v.Text) {
				m.Span = v.Origin(m.Start, m.End)
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

// undisguised puts placeholders in the place of such values of a request.
func (s *Session) undisguised(src string) string {
	var cuts []stream.Cut
	for _, m := range disguised(src, s.known) {
		cuts = append(cuts, stream.Cut{Start: m.Start, End: m.End, With: s.hide(m, src)})
	}
	return applied(src, cuts)
}
