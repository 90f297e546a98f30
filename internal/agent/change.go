package agent

import (
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Change is what somebody made of an agent.
type Change struct{ Was, Is *Agent }

// Starts reports whether the agent was not active before, and so takes a place of the
// tier.
func (c Change) Starts() bool { return c.Is.Active && !c.Was.Active }

// GivesKey reports whether somebody gave the agent what lets it in. Activating an agent
// with a pinned certificate names it, and so gives it again.
func (c Change) GivesKey() bool {
	return c.renews() || c.Starts() && c.Is.AuthMethod == MethodMTLS && c.Is.CertFingerprint != ""
}

// EndsMade reports whether what the agent made ends: it got another key, or stopped.
func (c Change) EndsMade() bool {
	stops := !c.Is.Active && (c.Was.Active || c.Was.TokenGen != c.Is.TokenGen)
	return stops || c.renews()
}

func (c Change) renews() bool { return c.Was.KeyHash != c.Is.KeyHash || c.Was.pin() != c.Is.pin() }

// pin is what lets an agent in that has no key: the certificate that is pinned, or
// the client of its issuer. Of an agent with a key both are without effect.
func (a *Agent) pin() string {
	switch a.AuthMethod {
	case MethodMTLS:
		return a.CertFingerprint
	case MethodOIDC:
		return a.OIDCIssuer + " " + a.OIDCClientID
	}
	return ""
}

// Places says which places in vaults something is taken at; nil: none.
type Places func(vault, path string) bool

func everywhere(string, string) bool { return true }

// Takes says where the change takes the agent's approvals and requests, and where its
// shares: they end for good, so that they do not count again when the right comes back. An
// end that passed took everything, though nothing told; to hide keys may have taken
// any approval, since that does not know the secret's type.
func (c Change) Takes(now time.Time) (approvals, shares Places) {
	switch lapsed := !c.Was.ExpiresAt.IsZero() && !now.Before(c.Was.ExpiresAt); {
	case lapsed:
		return everywhere, everywhere
	case !slices.Equal(c.Was.VaultIDs, c.Is.VaultIDs) || !slices.Equal(c.Was.Scopes, c.Is.Scopes):
		left := policy.Principal{Vaults: c.Is.VaultIDs, Scopes: c.Is.Scopes}
		shares = func(vault, path string) bool { return !left.Covers(vault, path) }
		approvals = shares
	}
	if c.Is.Intents && !c.Was.Intents {
		approvals = everywhere
	}
	return approvals, shares
}

// EndsSignatures reports whether approvals of the agent's signatures end: they were given under
// other limits, and don't count again when those come back.
func (c Change) EndsSignatures() bool {
	return len(intents.Changes(&c.Was.Guardrails, &c.Is.Guardrails)) > 0
}

// Unbind leaves of an agent's bindings those to vaults that it or its human still sees: a
// binding shows a vault's name. stops: none is left, and without a binding the agent
// could reach more than before.
func Unbind(had, seen []string) (left []string, stops bool) {
	left = slices.DeleteFunc(slices.Clone(had), func(v string) bool { return !slices.Contains(seen, v) })
	return left, len(left) == 0
}

// LosesKey says what becomes of an agent that loses what somebody gave it to come in
// with. An agent with a key loses that, stays, and gets another. One without a key stops,
// since the certificate or client that was given would let it in for as long as it is
// active: who activates it again names its certificate. loses is false where there is
// nothing to lose.
func LosesKey(method string, key, active bool) (loses, stops bool) {
	keyless := method == MethodMTLS || method == MethodOIDC
	return key || keyless && active, method != MethodAPIKey
}

// GaveItself reports whether a credential is an agent's own: the key that it gives itself
// came from the key before, and so from the same human.
func GaveItself(with string) bool { return strings.HasPrefix(with, "agent:") }
