package identity

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Made is something that was made with a credential.
type Made struct {
	Kind, ID, Name string
	Vault          string // that it is, or lies in; empty: none
	With           string // the credential, as policy.Principal.Credential names it
	CreatedAt      time.Time
	Live           bool // it has not ended
}

// AllMade is a listing of what was made, the newest first.
type AllMade struct {
	List  []Made
	Total int // of how many it has the newest
}

// MaxMade bounds a listing of what was made.
const MaxMade = 1000

// Add takes the next of what was made, the newest first.
func (a *AllMade) Add(m Made) {
	if a.Total++; len(a.List) < MaxMade {
		a.List = append(a.List, m)
	}
}

// InSight is which of what was made the caller may see, and shows each as it may: not what lies in
// vaults that the caller is not bound to, and without its name what is named by a path that its credential is not to see.
func InSight(who *policy.Principal) func(*Made) bool {
	return func(m *Made) bool {
		switch m.Kind {
		case "share", "policy", "policy_change", "approval":
			if !who.SeesPaths() || !who.Covers("", m.Name) {
				m.Name = ""
			}
		}
		return who.Covers(m.Vault, "")
	}
}
