package identity

import (
	"slices"
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

// MaxMade bounds a listing of what was made.
const MaxMade = 1000

// InSight is what was made as the caller may see it: without what lies in vaults that the
// caller is not bound to, and what is named by a path that its credential is not to see has
// no name.
func InSight(who *policy.Principal, made []Made) []Made {
	made = slices.DeleteFunc(made, func(m Made) bool { return !who.Covers(m.Vault, "") })
	for i := range made {
		switch m := &made[i]; m.Kind {
		case "share", "policy", "policy_change", "approval":
			if !who.SeesPaths() || !who.Covers("", m.Name) {
				m.Name = ""
			}
		}
	}
	return made
}
