package policy

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// PersonFor is how long after signing in a person counts as being there.
const PersonFor = 10 * time.Minute

// personSkew is how far ahead the clock of the node may be that a person signed
// in at.
const personSkew = 5 * time.Second

// ErrPersonRequired is the answer to whoever asks for what takes a person.
var ErrPersonRequired = fault.New(fault.Denied, "person_required",
	"This takes a person who has just signed in: an API key, a device's login and a login older than ten minutes don't count. "+
		"Sign in again with the password or the identity provider, and use that token.")

// Here reports whether a person proved to be there a short while ago, by
// password, second factor or identity provider. Keys, what was exchanged for
// them, devices and agents never are: they are kept where programs can use them.
func (p *Principal) Here(now time.Time) bool {
	since := now.Sub(p.Person)
	return p.Kind == KindUser && p.Key == "" && !p.Device && !p.Person.IsZero() && since >= -personSkew && since < PersonFor
}
