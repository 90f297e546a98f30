// Package verdict says what Shroud's detectors find in one text, for whoever asks: the answer of
// the tool inspect_content.
//
// Its promise: it computes from the text alone, asks nobody and keeps nothing; a secret or a
// person's data that it finds is named by its kind and never repeated.
package verdict

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/detect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/leak"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Report is what was found (contract clients.md, section 4).
type Report struct {
	Verdict    string   `json:"verdict"` // clean, warning, suspicious, malicious
	Safe       bool     `json:"safe"`
	Count      int      `json:"threat_count"`
	Threats    []Threat `json:"threats"` // the first MaxThreats
	Unicode    bool     `json:"unicode_normalized"`
	Redacted   string   `json:"redacted_content,omitempty"`   // where there is a secret or a person's data
	Normalised string   `json:"normalized_content,omitempty"` // where the text is disguised
}

// Threat is one finding.
type Threat struct {
	Type     string `json:"type"`
	Pattern  string `json:"pattern"`
	Severity string `json:"severity"`
	Match    string `json:"match"` // at most maxMatch bytes
}

const (
	// MaxThreats is how many findings are listed; all are counted.
	MaxThreats = 100
	maxMatch   = 80
)

// Inspector inspects texts. Make one with New and share it.
type Inspector struct {
	detector *detect.Detector
	inject   *inject.Detector
}

// New returns an inspector that looks for what Shroud looks for by default.
func New() (*Inspector, error) {
	o, err := detect.OptionsOf(nil)
	if err != nil {
		return nil, err
	}
	i := &Inspector{}
	if i.detector, err = detect.New(o); err != nil {
		return nil, err
	}
	i.inject, err = inject.New()
	return i, err
}

// Of inspects a text. from says whether somebody wrote it to a model, or a tool or document
// said it.
func (i *Inspector) Of(src string, from inject.From) Report {
	r := Report{Threats: []Threat{}}
	worst := 0
	add := func(kind, pattern, severity, match string) {
		worst = max(worst, finding.Severity(severity).Rank())
		if r.Count++; len(r.Threats) < MaxThreats {
			r.Threats = append(r.Threats, Threat{kind, pattern, severity, match})
		}
	}
	read := i.detector.Read(src)
	private := hidden(&read)
	for _, f := range i.detector.Find(&read) {
		add(string(f.Threat), f.Pattern, string(f.Severity), shown(src, f.Span, private))
	}
	switch s := i.inject.Score(read.Views, from); {
	case s.Score > inject.Threshold:
		pattern := "model"
		if len(s.Categories) > 0 {
			pattern = string(s.Categories[0])
		}
		add("prompt_injection", pattern, string(finding.Critical), shown(src, s.Span, private))
	case s.Tongue > inject.Threshold:
		add("prompt_injection", "foreign_language", string(finding.High), shown(src, s.TongueSpan, private))
	case s.Foreign > inject.Threshold:
		add("prompt_injection", "foreign_language", string(finding.Medium), shown(src, s.ForeignSpan, private))
	}
	for _, p := range private {
		add(p.threat, p.pattern, p.severity, p.mark)
	}
	if len(private) > 0 {
		r.Redacted = redacted(src, private)
	}
	if r.Unicode = read.Normalised(); r.Unicode {
		normal := i.detector.Read(read.Normal().Text)
		r.Normalised = redacted(normal.Views[0].Text, hidden(&normal))
	}
	r.Verdict = [...]string{"clean", "warning", "warning", "suspicious", "malicious"}[worst]
	r.Safe = worst == 0
	return r
}

// place is where a secret or a person's data stands, and what is shown of it.
type place struct {
	text.Span
	threat, pattern, severity, mark string
}

// hidden are the places of secrets and persons' data, in order, also of those that are escaped or in disguise; of
// secrets those too that are encoded. One that lies in another is left out.
func hidden(read *text.Reading) (all []place) {
	for _, v := range read.Views {
		for _, m := range leak.Find(v.Text) {
			if !v.Exact() && m.Rule == leak.Generic {
				continue
			}
			all = append(all, place{v.Origin(m.Start, m.End), string(finding.Leak), m.Rule, string(finding.Critical), "[REDACTED:secret]"})
		}
		for _, m := range pii.Find(v.Text) {
			if v.Exact() || m.Kind == pii.AWSKey || m.Kind == pii.PrivateKey {
				all = append(all, place{v.Origin(m.Start, m.End), string(finding.PII), m.Kind, m.Severity.String(), "[REDACTED:" + m.Kind + "]"})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b place) int { return a.Start - b.Start })
	end := 0
	return slices.DeleteFunc(all, func(p place) bool {
		inside := p.End <= end
		end = max(end, p.End)
		return inside
	})
}

// redacted is a text with marks in the places. Of two that overlap the second has what is left.
func redacted(src string, places []place) string {
	var out strings.Builder
	at := 0
	for _, p := range places {
		if p.Start > at {
			out.WriteString(src[at:p.Start])
		}
		out.WriteString(p.mark)
		at = max(at, p.End)
	}
	out.WriteString(src[at:])
	return out.String()
}

// shown is the beginning of a match, with marks in the places of what must not be repeated.
func shown(src string, at text.Span, private []place) string {
	var inside []place
	for _, p := range private {
		if p.Start < at.End && p.End > at.Start {
			p.Start, p.End = max(p.Start, at.Start)-at.Start, min(p.End, at.End)-at.Start
			inside = append(inside, p)
		}
	}
	match := redacted(src[at.Start:at.End], inside)
	for n := min(len(match), maxMatch); n > 0; n-- {
		if n == len(match) || utf8.RuneStart(match[n]) {
			return match[:n]
		}
	}
	return ""
}
