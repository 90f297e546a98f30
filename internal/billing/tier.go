package billing

import (
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Tier is what an organisation may have.
type Tier string

// The tiers of the contract.
const (
	Free       Tier = "free"
	Pro        Tier = "pro"
	Business   Tier = "business"
	Enterprise Tier = "enterprise"
)

// Tiers are all of them, the lowest first.
func Tiers() []Tier { return []Tier{Free, Pro, Business, Enterprise} }

// Unlimited is a cap that nothing reaches.
const Unlimited int64 = -1

// Caps are the limits of a tier: requests a month, and how many of each thing.
type Caps struct {
	Tier                              Tier
	Requests, Vaults, Secrets, Agents int64
}

// CapsOf returns the caps of a tier, and false for a word that is none.
func CapsOf(t Tier) (Caps, bool) {
	switch t {
	case Free:
		return Caps{Free, 1000, 3, 50, 2}, true
	case Pro:
		return Caps{Pro, 25_000, 25, 500, 10}, true
	case Business:
		return Caps{Business, 100_000, 100, 5000, 50}, true
	case Enterprise:
		return Caps{Enterprise, Unlimited, Unlimited, Unlimited, Unlimited}, true
	}
	return Caps{}, false
}

// Kind is a thing that tiers limit.
type Kind string

// The kinds, as a refusal names them. Vaults of the server's own, and what is in them,
// are nobody's; deleted secrets and agents that are not active free their place.
const (
	Vaults  Kind = "Vault"
	Secrets Kind = "Secret"
	Agents  Kind = "Agent"
)

// Of returns the cap of a kind.
func (c Caps) Of(k Kind) int64 {
	switch k {
	case Vaults:
		return c.Vaults
	case Secrets:
		return c.Secrets
	case Agents:
		return c.Agents
	}
	return Unlimited
}

// Limits reports whether there is a cap on a kind.
func (c Caps) Limits(k Kind) bool { return c.Of(k) >= 0 }

// Allow refuses one more of a kind where there are as many as there may be. Clients
// know the code, and match on how the detail begins (contract, section 0).
func (c Caps) Allow(k Kind, used int64) error {
	if !c.Limits(k) || used < c.Of(k) {
		return nil
	}
	return fault.New(fault.Denied, "resource_limit_exceeded", fmt.Sprintf(
		"%s limit reached (%d/%d on %s tier). Delete one that is not needed, or ask who runs this server for another tier.",
		k, used, c.Of(k), c.Tier))
}
