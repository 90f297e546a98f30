// Package finding is what detectors say of a text: which threat, where, how bad.
package finding

import (
	"cmp"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Threat is a kind of threat, as clients know it.
type Threat string

// The threats of the contract.
const (
	Unicode    Threat = "unicode_obfuscation"
	Command    Threat = "command_injection"
	Encoding   Threat = "encoding_obfuscation"
	Social     Threat = "social_engineering"
	Network    Threat = "network_threat"
	Filesystem Threat = "filesystem_threat"
	PII        Threat = "pii"
	Leak       Threat = "secret_leak"
	Tool       Threat = "tool_call"    // of a tool that the agent's settings keep out
	Kept       Threat = "kept_context" // text that the provider keeps, and that was not looked at with the call
)

// Severity is how bad a finding is.
type Severity string

// The severities, worst last.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Rank orders severities: 1 to 4.
func (s Severity) Rank() int {
	return 1 + slices.Index([]Severity{Low, Medium, High, Critical}, s)
}

// Finding is one thing that was found.
type Finding struct {
	Threat   Threat
	Pattern  string
	Severity Severity
	text.Span
	Score float64  // how sure it is, 0 to 1
	Via   []string // how the place is encoded, if it is
}

// Sorted orders findings by place and leaves out those that say the same of a
// place within that of another, as several views of one text do.
func Sorted(list []Finding) []Finding {
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.Threat, b.Threat), cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(len(a.Via), len(b.Via)))
	})
	type key struct {
		threat  Threat
		pattern string
	}
	end := map[key]int{}
	return slices.DeleteFunc(list, func(f Finding) bool {
		k := key{f.Threat, f.Pattern}
		if e, seen := end[k]; seen && f.End <= e {
			return true
		}
		end[k] = max(end[k], f.End)
		return false
	})
}

// Apart keeps, of findings that overlap, those that come first in the list, and
// returns them by place.
func Apart(list []Finding) []Finding {
	var kept []Finding
	for _, x := range list {
		i, _ := slices.BinarySearchFunc(kept, x.Start, func(k Finding, at int) int { return cmp.Compare(k.Start, at) })
		if i > 0 && kept[i-1].End > x.Start || i < len(kept) && kept[i].Start < x.End {
			continue
		}
		kept = slices.Insert(kept, i, x)
	}
	return kept
}
