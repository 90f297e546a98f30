package inspect

import (
	"slices"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/detect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/leak"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// detectors remembers those of configs, which take long to make.
type detectors struct {
	mu  sync.Mutex
	all map[string]*detect.Detector
}

const maxDetectors = 64

func (d *detectors) of(config shroud.Config) (*detect.Detector, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.all[string(config)]; found != nil {
		return found, nil
	}
	o, err := detect.OptionsOf(config)
	if err != nil {
		return nil, err
	}
	made, err := detect.New(o)
	if err != nil {
		return nil, err
	}
	if d.all == nil || len(d.all) >= maxDetectors {
		d.all = map[string]*detect.Detector{}
	}
	d.all[string(config)] = made
	return made, nil
}

// rules are what the detector of the settings finds in a text, and what they say of it.
func (s *Session) rules(read *text.Reading) []Finding { return s.told(s.detector.Find(read)) }

// verdicts are those of them that decide what becomes of a request: where nothing is cut out,
// it makes no difference at how many places a rule matches.
func (s *Session) verdicts(read *text.Reading) []Finding {
	for _, of := range [...]string{s.settings.Command.Action, s.settings.Social.Action, s.settings.Encoding.Action, s.settings.Network.Action, s.settings.Filesystem.Action} {
		if s.settings.Mode == "surgical" || of == "sanitize" {
			return s.rules(read)
		}
	}
	return s.told(s.detector.First(read))
}

// told are findings with what the settings say of them.
func (s *Session) told(found []finding.Finding) []Finding {
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		out = append(out, Finding{Threat: string(f.Threat), Pattern: f.Pattern, Severity: string(f.Severity), Span: f.Span, Action: s.action(f.Threat)})
	}
	return out
}

// action is what the settings say of a kind of threat. What is disguised is brought into
// its normal form to be looked at, and is no reason to stop.
func (s *Session) action(t finding.Threat) string {
	switch t {
	case finding.Command:
		return s.settings.Command.Action
	case finding.Social:
		return s.settings.Social.Action
	case finding.Encoding:
		return s.settings.Encoding.Action
	case finding.Network:
		return s.settings.Network.Action
	case finding.Filesystem:
		return s.settings.Filesystem.Action
	case finding.Unicode, finding.PII, finding.Leak, finding.Tool, finding.Kept:
	}
	return "log"
}

// threats are the findings in a text of a request beside those of more, and what is to
// be cut for them.
func (s *Session) threats(read *text.Reading, location string, more []Finding) ([]stream.Cut, error) {
	return s.decide(append(s.verdicts(read), more...), location)
}

// private finds personal data and shapes of secrets, and returns what is to stand in their
// place. In a request what is hidden is remembered, to be put back where the model
// repeats its placeholder.
func (s *Session) private(src string, request bool) (cuts []stream.Cut, err error) {
	same := func(start, end int) text.Span { return text.Span{Start: start, End: end} }
	return s.personal(src, same, true, request, nil)
}

// personal is private for a view of a text, whose places at tells. Where it is not exact, all that was decoded goes
// for a finding: it looks for secrets of a shape of their own alone, since a file would go with a person's data. With
// only, other places don't count.
func (s *Session) personal(src string, at func(start, end int) text.Span, exact, request bool, only func(text.Span) bool) (cuts []stream.Cut, err error) {
	defer func() { s.numbered = nil }() // values are kept no longer than for one text
	cut := func(start, end int, with string) {
		of := at(start, end)
		if len(cuts) == cap(cuts) {
			cuts = slices.Grow(cuts, len(cuts)+1) // append alone copies many cuts five times
		}
		cuts = append(cuts, stream.Cut{Start: of.Start, End: of.End, With: with})
	}
	if s.settings.Redaction {
		for _, m := range leak.Find(src) {
			if !exact && m.Rule == leak.Generic || only != nil && !only(at(m.Start, m.End)) {
				continue
			}
			s.hid("a shape: " + m.Rule)
			cut(m.Start, m.End, s.place("secret", src[m.Start:m.End], false))
		}
	}
	shapes := reachOf(cuts)
	for _, m := range pii.Find(src) {
		if !exact && !key(m.Kind) {
			continue
		}
		policy, span := s.settings.PII, at(m.Start, m.End)
		if only != nil && !only(span) {
			continue
		}
		if key(m.Kind) {
			// A key is a secret: where secrets are replaced it is, whatever is let pass of persons' data.
			if s.settings.Redaction && policy != "block" {
				policy = "redact"
			}
			if policy == "redact" && shapes.meets(span) {
				continue // it is replaced as the shape of a secret
			}
		}
		if policy == "allow" {
			continue
		}
		if key(m.Kind) && s.settings.PII == "allow" {
			s.secrets = true
		} else {
			s.pii = true
		}
		s.note(Finding{Threat: string(finding.PII), Pattern: m.Kind, Severity: m.Severity.String(), Span: span, Action: policy})
		switch policy {
		case "block":
			s.stopped = string(finding.PII)
			return nil, stop(string(finding.PII), m.Kind)
		case "redact":
			cut(m.Start, m.End, s.place(m.Kind, src[m.Start:m.End], request))
		}
	}
	return sorted(cuts), nil
}

// reach tells of many cuts whether any meets a span: a text can hold hundreds of thousands of both.
type reach struct{ starts, ends []int } // ends: the furthest of the cuts until then

func reachOf(cuts []stream.Cut) reach {
	in := sorted(slices.Clone(cuts))
	r := reach{make([]int, len(in)), make([]int, len(in))}
	furthest := 0
	for i, c := range in {
		furthest = max(furthest, c.End)
		r.starts[i], r.ends[i] = c.Start, furthest
	}
	return r
}

func (r reach) meets(span text.Span) bool {
	n, _ := slices.BinarySearch(r.starts, span.End)
	return n > 0 && r.ends[n-1] > span.Start
}

func sorted(cuts []stream.Cut) []stream.Cut {
	slices.SortStableFunc(cuts, func(a, b stream.Cut) int { return a.Start - b.Start })
	return cuts
}
