// Package detect looks for commands, social engineering, encodings, network and
// file threats in a text, by rules.
//
// Its promise: every rule sees every view of the text, and what it finds leads
// back to the original; the work is linear in the views. Rules are a filter: what
// says the same in other words passes.
package detect

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pattern"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// maxCustom is how many expressions a config may have.
const maxCustom = 100

// Detector looks for what one config wants to be found.
type Detector struct {
	o        Options
	rules    []rule
	patterns *pattern.Set
	domains  domains
}

// New makes a detector, or says that a custom pattern is not possible.
func New(o Options) (*Detector, error) {
	d := &Detector{o: o, domains: newDomains(o)}
	var patterns []pattern.Pattern
	add := func(rules ...rule) {
		for _, r := range rules {
			d.rules = append(d.rules, r)
			patterns = append(patterns, r.pattern())
		}
	}
	if o.Command.Enabled {
		if o.Command.Patterns != "custom" {
			add(commands()...)
		}
		if o.Command.Patterns == "strict" {
			add(strictCommands()...)
		}
		if len(o.Command.Custom) > maxCustom {
			return nil, errPattern
		}
		for _, expr := range o.Command.Custom {
			p, err := pattern.Foreign("custom", expr)
			if err != nil {
				return nil, errPattern
			}
			d.rules = append(d.rules, rule{threat: finding.Command, name: "custom", severity: finding.High})
			patterns = append(patterns, p)
		}
	}
	if o.Social.Enabled {
		for _, level := range []string{"low", "medium", "high"} {
			add(social()[level]...)
			if level == o.Social.Sensitivity {
				break
			}
		}
	}
	if o.Network.Enabled {
		add(network()...)
	}
	if o.Filesystem.Enabled {
		for _, p := range o.Filesystem.Blocked {
			if r, ok := blockedPath(p); ok {
				add(r)
			}
		}
	}
	d.patterns = pattern.New(patterns)
	return d, nil
}

// errPattern does not repeat what was sent.
var errPattern = fault.New(fault.Invalid, "invalid_shroud_config", "custom_patterns has an expression that is not possible, too long or too large.")

// Read reads a text as the detector's config says.
func (d *Detector) Read(src string) text.Reading { return text.Read(src, d.o.Text()) }

// Reveal is a text as whoever looks for secrets in it reads it, whatever the config says of threats. The text was read before.
func (d *Detector) Reveal(r text.Reading) text.Reading {
	if d.o.Text() == text.Defaults() {
		return r
	}
	return text.Read(r.Views[0].Text, text.Defaults())
}

// Needs is up to where a text has to be there for what begins in it between two places, or 0.
func (d *Detector) Needs(text string, from, to int) int { return d.patterns.Needs(text, from, to) }

// Find returns what is in a text, kinds of threats in the order of the contract.
func (d *Detector) Find(r *text.Reading) []finding.Finding { return d.find(r, d.patterns.Find) }

// First is Find for whom it is enough that a rule matched, and where first: of one that matches at
// many places it returns some. A text of nothing but matches costs little more than any other.
func (d *Detector) First(r *text.Reading) []finding.Finding { return d.find(r, d.patterns.First) }

func (d *Detector) find(r *text.Reading, patterns func(string, func(i, start, end int))) []finding.Finding {
	found := d.disguises(r)
	if d.o.Encoding.Enabled {
		found = append(found, d.encodings(r)...)
	}
	for _, v := range r.Views {
		patterns(v.Text, func(i, start, end int) {
			of := d.rules[i]
			if of.name == "ip_url" && ownAddress(v.Text[start:end]) {
				return
			}
			found = append(found, finding.Finding{
				Threat: of.threat, Pattern: of.name, Severity: of.severity, Span: v.Origin(start, end), Score: scoreOf(of.severity), Via: v.Via,
			})
		})
		if d.o.Network.Enabled {
			found = append(found, d.domains.find(v)...)
		}
	}
	found = finding.Sorted(found)
	slices.SortStableFunc(found, func(a, b finding.Finding) int { return order(a.Threat) - order(b.Threat) })
	return found
}

func order(t finding.Threat) int {
	return slices.Index([]finding.Threat{finding.Unicode, finding.Command, finding.Encoding, finding.Social, finding.Network, finding.Filesystem}, t)
}

func scoreOf(s finding.Severity) float64 { return float64(s.Rank()) / 4 }

func (d *Detector) disguises(r *text.Reading) []finding.Finding {
	var found []finding.Finding
	for _, u := range r.Unicode {
		f := finding.Finding{Threat: finding.Unicode, Pattern: string(u.Kind), Severity: finding.Medium, Span: u.First, Score: 0.5}
		if u.Kind == text.Tags {
			f.Severity, f.Score = finding.High, 0.75 // nobody sees it, and there is no good use of it
		}
		found = append(found, f)
	}
	return found
}

// blockedPath is the rule of a path that may not be named. A path of the home
// folder is one whatever it is called.
func blockedPath(p string) (rule, bool) {
	p = strings.TrimSpace(p)
	word := strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(p, "~"), "$HOME"), "/*")
	if len(word) < 2 {
		return rule{}, false
	}
	words := strings.ToLower(word)
	if strings.ContainsAny(words, " \t\n") || !isASCII(words) {
		return rule{}, false
	}
	expr := `(?i)` + quote(word) + `(?:$|[^\w.-]|\.(?:\W|$))`
	if word[0] != '/' {
		expr = `(?i)(?:^|[\s"'=:@(/\\])` + quote(word) + `(?:$|[^\w-])`
	}
	return rule{finding.Filesystem, p, finding.High, words, 2, 3, expr}, true
}
