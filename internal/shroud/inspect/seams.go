package inspect

import (
	"sort"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// seam is how many bytes before and after the place where two texts meet are looked at for what is in both.
const seam = 512

// line is how near its end of a stretch something may go on after it: the block of a key is cut by lines.
const line = 128

// joint is texts that stand side by side in a message, read as one. Each is looked at by itself, too.
type joint struct {
	texts []string
	gap   string // that is read between two
	all   string
	at    []int // where each text begins in all
}

func join(texts []string, gap string) *joint {
	j := &joint{texts: texts, gap: gap, all: strings.Join(texts, gap), at: make([]int, len(texts))}
	at := 0
	for i, t := range texts {
		j.at[i] = at
		at += len(t) + len(gap)
	}
	return j
}

// crosses reports whether a place is in more than one text.
func (j *joint) crosses(at text.Span) bool {
	i := sort.SearchInts(j.at, at.Start+1) // the first that begins after it
	return i < len(j.at) && j.at[i]-len(j.gap) > at.Start && j.at[i] < at.End
}

// chance reports whether a place looks like a mail address where texts meet by chance: an address that stands whole in one of
// them, or a word before what begins with "@", as annotations of programs do.
func (j *joint) chance(at text.Span) bool {
	if !strings.Contains(j.all[at.Start:at.End], "@") {
		return false
	}
	for i, t := range j.texts {
		from, to := max(at.Start, j.at[i]), min(at.End, j.at[i]+len(t))
		if from >= to {
			continue
		}
		piece := j.all[from:to]
		if i > 0 && from > at.Start && piece[0] == '@' {
			return true
		}
		for _, m := range pii.Find(piece) {
			if m.Kind == "email" {
				return true
			}
		}
	}
	return false
}

// windows are the stretches around the seams, apart from each other: of many short texts all is one.
func (j *joint) windows() (out []text.Span) {
	for _, at := range j.at[1:] {
		w := text.Span{Start: max(at-seam, 0), End: min(at+seam, len(j.all))}
		if n := len(out); n > 0 && w.Start <= out[n-1].End {
			out[n-1].End = w.End
			continue
		}
		out = append(out, w)
	}
	for i := range out { // no character is cut through
		for out[i].Start > 0 && !begins(j.all[out[i].Start]) {
			out[i].Start--
		}
		for out[i].End < len(j.all) && !begins(j.all[out[i].End]) {
			out[i].End++
		}
	}
	return out
}

func begins(c byte) bool { return c&0xC0 != 0x80 }

// without are the texts with the cuts made. What stands in the place of one stands in each text that had a piece of
// it, so that none is empty: providers refuse those.
func (j *joint) without(cuts []stream.Cut) []string {
	out := make([]string, len(j.texts))
	cuts = sorted(cuts)
	next := 0 // no cut before it reaches into this text
	for i, t := range j.texts {
		var of []stream.Cut
		from, to := j.at[i], j.at[i]+len(t)
		for next < len(cuts) && cuts[next].End <= from {
			next++
		}
		for _, c := range cuts[next:] {
			if c.Start >= to {
				break
			}
			if c.End > from {
				of = append(of, stream.Cut{Start: max(c.Start, from) - from, End: min(c.End, to) - from, With: c.With})
			}
		}
		out[i] = applied(t, of)
	}
	return out
}

// side says what is looked for where texts meet.
type side struct {
	threats bool
	from    convo.Role // whose injections are scored, where request is set
	request bool
	where   string
	hide    func(m known.Match, text string) string
	sets    []*known.Set
	shapes  bool // personal data and shapes of secrets, and what is encoded
}

// seams looks for what stands in several texts that a reader puts together: one after the other, and with white space
// between them. It returns what the texts become.
func (s *Session) seams(texts []string, of *side) ([]string, error) {
	for _, gap := range [...]string{"", " "} {
		j := join(texts, gap)
		var cuts []stream.Cut
		if gap == "" { // what stands between lines is nothing to known values
			for _, set := range of.sets {
				if set == nil {
					continue
				}
				for _, m := range set.Find(j.all) {
					if j.crosses(m.Span) {
						cuts = append(cuts, stream.Cut{Start: m.Start, End: m.End, With: of.hide(m, j.all)})
					}
				}
			}
		}
		for _, w := range j.windows() {
			more, open, err := s.across(j, w, of)
			if err == nil && open && w.End < len(j.all) { // it goes on, such as the block of a key: look at all of it, once
				if more, _, err = s.across(j, text.Span{Start: w.Start, End: len(j.all)}, of); err == nil {
					cuts = append(cuts, more...)
					break
				}
			}
			if err != nil {
				return nil, err
			}
			cuts = append(cuts, more...)
		}
		if len(cuts) > 0 {
			texts = j.without(cuts)
		}
	}
	return texts, nil
}

// across looks at a stretch of texts that were joined. open says that something may go on after it.
func (s *Session) across(j *joint, w text.Span, of *side) (cuts []stream.Cut, open bool, err error) {
	src := j.all[w.Start:w.End]
	crosses := func(at text.Span) bool { return j.crosses(text.Span{Start: at.Start + w.Start, End: at.End + w.Start}) }
	read := s.detector.Read(src)
	if s.kept != nil {
		defer s.kept.whole(src, of.where)()
	}
	if of.threats {
		var found []Finding
		for _, f := range s.rules(&read) {
			if crosses(f.Span) {
				found = append(found, f)
			}
		}
		if of.request {
			found = append(found, s.scored(&read, of.from)...)
		}
		if cuts, err = s.decide(found, of.where); err != nil {
			return nil, false, err
		}
	}
	if of.shapes {
		plain := s.detector.Reveal(read)
		private, err := s.personal(src, func(start, end int) text.Span { return text.Span{Start: start, End: end} }, true, of.request, func(at text.Span) bool {
			return crosses(at) && !j.chance(text.Span{Start: at.Start + w.Start, End: at.End + w.Start})
		})
		if err != nil {
			return nil, false, err
		}
		encoded, err := s.secretsIn(&plain, of.request, crosses)
		if err != nil {
			return nil, false, err
		}
		cuts = append(append(cuts, private...), encoded...)
		for _, m := range disguised(&plain, of.sets...) {
			if crosses(m.Span) {
				cuts = append(cuts, stream.Cut{Start: m.Start, End: m.End, With: of.hide(m, src)})
			}
		}
	}
	if !of.request && w.End == len(j.all) {
		for _, c := range cuts {
			if s.followed.Began(src, c.Start, c.End, len(src)); s.followed.Open() {
				s.stood = c.With
				break
			}
		}
	}
	for i := range cuts {
		open = open || cuts[i].End > len(src)-line
		cuts[i].Start += w.Start
		cuts[i].End += w.Start
	}
	return cuts, open, nil
}

// meet looks at the texts of a request that stand side by side, before each is looked at by itself: what is left of
// a piece would not tell. It returns what the texts of all parts become.
func (s *Session) meet(r *convo.Request) ([]string, error) {
	out := make([]string, len(r.Parts))
	for i := range r.Parts {
		out[i] = r.Parts[i].Text
	}
	for _, run := range r.Runs() {
		role := r.Parts[run[0]].Role
		texts := make([]string, len(run))
		for i, p := range run {
			texts[i] = out[p]
		}
		became, err := s.seams(texts, &side{
			threats: role == convo.User || role == convo.Tool, from: role, request: true, where: roleName(role),
			hide: s.hide, sets: []*known.Set{s.known}, shapes: true,
		})
		if err != nil {
			return nil, err
		}
		for i, p := range run {
			out[p] = became[i]
		}
	}
	return out, nil
}

// Next implements stream.Sides.
func (s *Session) Next(kind convo.Kind, before stream.Rules, open int) stream.Rules {
	out := s.Rules(kind)
	a, ok := out.(*answer)
	switch was, met := before.(*answer); {
	case !ok || !met:
	case open > 0:
		a.block, a.stood, a.again = s.followed.After(open), s.stood, true
	case was.block.Open():
		a.block, a.stood, a.again = was.block.After(0), was.stood, true
	}
	return out
}

// Across implements stream.Sides.
func (s *Session) Across(of stream.Rules, before int, texts []string) (out []string, open bool, err error) {
	s.followed = pii.Block{}
	out = texts
	if a, ok := of.(*answer); ok && a.block.Open() {
		j := join(texts, "")
		s.followed = a.block.After(-before)
		if end := s.followed.Goes(j.all, 0, len(j.all)); end > 0 {
			s.stood = a.stood
			out = j.without([]stream.Cut{{End: end, With: a.stood}})
			out[0] = strings.TrimPrefix(out[0], a.stood) // it stands before
		}
		if s.followed.Open() {
			s.filtered = true
			return out, true, nil
		}
	}
	out, err = s.seams(out, &side{
		threats: s.settings.Responses, shapes: s.settings.Responses, where: "response", sets: []*known.Set{s.known, s.paid},
		hide: func(m known.Match, _ string) string {
			s.hid(m.Label)
			return marked(m.Label)
		},
	})
	for i := range out {
		s.filtered = s.filtered || out[i] != texts[i]
	}
	return out, s.followed.Open(), err
}

// More implements stream.Sides.
func (s *Session) More(texts []string) bool {
	var sets []*known.Set
	for _, set := range []*known.Set{s.known, s.paid} {
		if set != nil {
			sets = append(sets, set)
		}
	}
	if len(sets) == 0 {
		return false
	}
	t := known.Together(func(known.Match) string { return "" }, sets...)
	t.Write(strings.Join(texts, ""))
	return t.Held() > len(texts[len(texts)-1])
}

// met looks at the texts of an answer that stand side by side, and at each by itself. It returns what all parts become.
func (s *Session) met(v *convo.View) ([]string, error) {
	out, done := make([]string, len(v.Parts)), map[int]bool{}
	for _, run := range v.Runs() {
		if v.Parts[run[0]].Role != convo.Assistant {
			continue // it repeats the request
		}
		texts := make([]string, len(run))
		for i, p := range run {
			texts[i] = v.Parts[p].Text
		}
		decide := stream.Beside
		if v.Flow(run) {
			decide = func(s stream.Sides, texts []string) ([]string, error) {
				return stream.Flow(s.Next(convo.Text, nil, 0), texts)
			}
		}
		became, err := decide(s, texts)
		if err != nil {
			return nil, err
		}
		for i, p := range run {
			out[p], done[p] = became[i], true
		}
	}
	for i := range v.Parts {
		var err error
		if p := &v.Parts[i]; p.Text != "" && !done[i] {
			if out[i], err = stream.Whole(s.of(p), p.Text); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
