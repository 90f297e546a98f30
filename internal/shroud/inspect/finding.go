package inspect

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Finding is what a detector found, and what the settings say of it.
type Finding struct {
	Threat, Pattern, Severity string // the contract's words (clients.md, section 4)
	Span                      text.Span
	Location                  string // whose words it is in
	Action                    string // block, sanitize, warn, log
}

func roleName(r convo.Role) string {
	return [...]string{"system", "user", "assistant", "tool"}[r]
}

// decide notes findings, and returns what is to be cut, or the error of what stops the
// call. The mode of the settings goes over the action of a rule: observe stops nothing,
// surgical cuts what would stop (contract shroud.md, section 6).
func (s *Session) decide(all []Finding, location string) (cuts []stream.Cut, err error) {
	for _, f := range all {
		f.Location = location
		switch {
		case s.settings.Mode == "log_only" && (f.Action == "block" || f.Action == "sanitize"):
			f.Action = "warn"
		case s.settings.Mode == "surgical" && f.Action == "block":
			f.Action = "sanitize"
		}
		s.note(f)
		switch f.Action {
		case "block":
			s.stopped = f.Threat
			return nil, stop(f.Threat, f.Pattern)
		case "sanitize":
			cuts = append(cuts, stream.Cut{Start: f.Span.Start, End: f.Span.End})
		}
	}
	return cuts, nil
}

// stop is the refusal of what a rule stops. It names the rule, never what it found.
func stop(threat, pattern string) error {
	return fault.New(fault.Denied, "shroud_"+threat, "Shroud stopped this: "+strings.ReplaceAll(threat, "_", " ")+" ("+pattern+").").Because(threat)
}

// maxFindings bounds what is remembered of a call.
const maxFindings = 200

func (s *Session) note(f Finding) {
	if len(s.found) < maxFindings && !slices.ContainsFunc(s.found, func(o Finding) bool {
		return o.Threat == f.Threat && o.Pattern == f.Pattern && o.Location == f.Location
	}) {
		s.found = append(s.found, f)
		s.kept.note(&f)
	}
}

// kinds are the threats that were found, each with how many patterns of it.
func (s *Session) kinds() string {
	n := map[string]int{}
	for _, f := range s.found {
		n[f.Threat]++
	}
	if s.pii {
		n["pii"] = max(n["pii"], 1)
	}
	if s.secrets {
		n["secret"] = max(n["secret"], 1)
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		out = append(out, kind+":"+strconv.Itoa(n[kind]))
	}
	return strings.Join(out, " ")
}

// detected is an item of X-Shroud-Inspection.
type detected struct {
	Type     string `json:"threat_type"`
	Pattern  string `json:"pattern"`
	Location string `json:"location,omitempty"`
	Severity string `json:"severity"`
}

// summary is X-Shroud-Inspection (contract shroud.md, section 6).
type summary struct {
	Unicode    bool       `json:"unicode_normalized"`
	Command    []detected `json:"command_injection_detected"`
	Social     []detected `json:"social_engineering_detected"`
	Encoding   []detected `json:"encoding_detected"`
	Network    []detected `json:"network_threats_detected"`
	Filesystem []detected `json:"filesystem_threats_detected"`
	Kept       []detected `json:"kept_context_detected,omitempty"`
	Score      float64    `json:"injection_score"`
	PII        bool       `json:"pii_detected"`
}

// maxShown bounds a list in a header.
const maxShown = 10

// Summary is the value of X-Shroud-Inspection, or "" when nothing was found.
func (s *Session) Summary() string {
	if len(s.found) == 0 && !s.pii && !s.secrets && !s.normalised {
		return ""
	}
	out := summary{Unicode: s.normalised, PII: s.pii, Score: float64(int(s.score*1000)) / 1000,
		Command: []detected{}, Social: []detected{}, Encoding: []detected{}, Network: []detected{}, Filesystem: []detected{}}
	lists := map[string]*[]detected{
		"command_injection": &out.Command, "social_engineering": &out.Social, "encoding_obfuscation": &out.Encoding,
		"network_threat": &out.Network, "filesystem_threat": &out.Filesystem, string(finding.Kept): &out.Kept,
	}
	for _, f := range s.found {
		if l := lists[f.Threat]; l != nil && len(*l) < maxShown {
			*l = append(*l, detected{f.Threat, f.Pattern, f.Location, f.Severity})
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return "" // texts, numbers and truth values
	}
	return string(b)
}

// applied is a text with the cuts made. Of two that overlap the first counts, and takes
// in the other.
func applied(src string, cuts []stream.Cut) string {
	if len(cuts) == 0 {
		return src
	}
	var out strings.Builder
	size := len(src)
	for _, c := range sorted(cuts) {
		size += len(c.With)
	}
	out.Grow(size)
	at := 0
	for _, c := range cuts {
		if c.End <= at {
			continue
		}
		if c.Start >= at {
			out.WriteString(src[at:c.Start])
			out.WriteString(c.With)
		}
		at = c.End
	}
	out.WriteString(src[at:])
	return out.String()
}
