package inspect

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/leak"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

const (
	maxExcerpts = 20        // of a call
	around      = 200       // bytes that are kept before and after a finding
	maxFlagged  = 600       // bytes of a finding itself
	maxPassage  = 256 << 10 // bytes of an answer's text in which findings are kept
)

// kept is what is kept of a call: parts of its texts around what was flagged in them.
type kept struct {
	hide     []*known.Set // values that are in no text that is kept
	excerpts []flagged.Excerpt
	open     []*passage // texts of the answer in which something was flagged
	at       *passage   // the one that is looked at
}

// passage is a text, or as much of one as has come.
type passage struct {
	text   string          // of a request
	said   strings.Builder // of an answer, as far as it has come
	after  string          // what follows it and was not looked at
	where  string
	shift  int // from places in what is looked at to places in text
	places []Finding
	cut    bool // it got too long: nothing more of it is kept
}

// Keep has the parts of texts kept that something is flagged in, for Flagged. None of hide is in
// them. Nothing is kept of an agent whose settings have its secrets not looked for, since they
// could not be told from the text, or what is found not noted.
func (s *Session) Keep(hide ...secret.Bytes) {
	if !s.settings.Redaction || !s.settings.Log || s.known == nil {
		return
	}
	s.kept = &kept{hide: []*known.Set{s.known}}
	var more []known.Value
	for _, v := range hide {
		if v.Len() >= known.Shortest {
			more = append(more, known.Value{Value: v})
		}
	}
	if len(more) > 0 {
		s.kept.hide = append(s.kept.hide, known.New(more))
	}
}

// Flagged is what is to be kept of the call, at its end.
func (s *Session) Flagged() []flagged.Excerpt {
	if s.kept == nil {
		return nil
	}
	if s.paid != nil {
		s.kept.hide = append(s.kept.hide, s.paid)
	}
	for _, p := range s.kept.open {
		s.kept.take(p)
	}
	s.kept.open = nil
	return s.kept.excerpts
}

// whole is a text of the request that is looked at until done is called.
func (k *kept) whole(text, where string) (done func()) {
	p := &passage{text: text, where: where}
	k.at = p
	return func() {
		k.at = nil
		k.take(p)
	}
}

// answer is a text of the answer, of which nothing has come yet.
func (k *kept) answer() *passage {
	if k == nil {
		return nil
	}
	return &passage{where: "response"}
}

// stretch is the next of an answer's text, window[from:to], which is looked at until done is
// called.
func (k *kept) stretch(p *passage, window string, from, to int) (done func()) {
	if p.cut = p.cut || p.said.Len()+to-from > maxPassage; p.cut {
		p.after = ""
		return func() {}
	}
	p.shift = p.said.Len() - from
	p.said.WriteString(window[from:to])
	p.after = window[to:]
	k.at = p
	return func() { k.at = nil }
}

// note keeps the place of a finding. Of personal data only what stopped the call is flagged.
func (k *kept) note(f *Finding) {
	if k == nil || k.at == nil || f.Threat == string(finding.PII) && f.Action != "block" {
		return
	}
	p, at := k.at, *f
	at.Span.Start += p.shift
	at.Span.End += p.shift
	if at.Span.Start < 0 || at.Span.Start >= len(p.text)+p.said.Len() {
		return // it is of another stretch
	}
	if p.places = append(p.places, at); p.where == "response" && len(p.places) == 1 {
		k.open = append(k.open, p)
	}
}

// take makes excerpts of what was flagged in a text. What is hidden is found in all of the
// text, so that no end of an excerpt cuts through it.
func (k *kept) take(p *passage) {
	if len(p.places) == 0 {
		return
	}
	text := p.text + p.said.String()
	cuts := k.cuts(text + p.after)
	for _, f := range p.places {
		if len(k.excerpts) == maxExcerpts {
			return
		}
		k.excerpts = append(k.excerpts, flagged.Excerpt{
			Threat: f.Threat, Pattern: f.Pattern, Severity: f.Severity, Action: f.Action, Location: p.where,
			Text: excerpt(text, max(f.Span.Start-around, 0), min(f.Span.Start+maxFlagged, f.Span.End)+around, cuts),
		})
	}
	p.places = nil
}

// excerpt is text[from:to] with the cuts made that touch it.
func excerpt(text string, from, to int, cuts []stream.Cut) string {
	to = min(to, len(text))
	var out strings.Builder
	for _, c := range cuts {
		if c.End <= from || c.Start >= to {
			continue
		}
		if c.Start > from {
			out.WriteString(text[from:c.Start])
		}
		out.WriteString(c.With)
		from = c.End
	}
	if from < to {
		out.WriteString(text[from:to])
	}
	return strings.ToValidUTF8(out.String(), "")
}

// cuts are the places of a text that are not kept, in order and apart.
func (k *kept) cuts(text string) (out []stream.Cut) {
	var all []stream.Cut
	add := func(start, end int, kind string) {
		all = append(all, stream.Cut{Start: start, End: end, With: redacted(kind)})
	}
	for _, set := range k.hide {
		for _, m := range set.Find(text) {
			add(m.Start, m.End, "secret")
		}
	}
	read := reading(text)
	for _, m := range disguised(read, k.hide...) {
		add(m.Start, m.End, "secret")
	}
	for _, v := range read.Views {
		for _, m := range leak.Find(v.Text) {
			at := v.Origin(m.Start, m.End)
			add(at.Start, at.End, "secret")
		}
		for _, m := range pii.Find(v.Text) {
			if at := v.Origin(m.Start, m.End); v.Exact() || key(m.Kind) {
				add(at.Start, at.End, m.Kind)
			}
		}
	}
	for at := 0; ; { // the places of values that were found in an answer
		from := strings.Index(text[at:], mark)
		if from < 0 {
			break
		}
		from += at
		end := strings.Index(text[from+1:], mark)
		if end < 0 {
			break
		}
		at = from + end + 2
		add(from, at, "secret")
	}
	for _, c := range sorted(all) {
		if n := len(out); n > 0 && c.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, c.End)
			continue
		}
		out = append(out, c)
	}
	return slices.Clip(out)
}
