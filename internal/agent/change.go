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
// end that passed took everything, though nothing told; to hide keys, or all values, may have taken
// any approval, since that does not know the secret's type.
func (c Change) Takes(now time.Time) (approvals, shares Places) {
	if c.lapsed(now) {
		return everywhere, everywhere
	}
	shares = c.left()
	approvals = shares
	if c.Is.Intents && !c.Was.Intents {
		approvals = everywhere
	}
	if c.Is.NoReveal && !c.Was.NoReveal { // it could show itself a share that it made
		approvals, shares = everywhere, everywhere
	}
	return approvals, shares
}

// TakesRequests is where the agent's requests for secrets end, or nil.
func (c Change) TakesRequests(now time.Time) Places {
	if c.lapsed(now) || c.Was.Active && !c.Is.Active {
		return everywhere
	}
	return c.left()
}

func (c Change) lapsed(now time.Time) bool {
	return !c.Was.ExpiresAt.IsZero() && !now.Before(c.Was.ExpiresAt)
}

// left is where other bindings and scopes do not reach; nil: they are the same.
func (c Change) left() Places {
	if slices.Equal(c.Was.VaultIDs, c.Is.VaultIDs) && slices.Equal(c.Was.Scopes, c.Is.Scopes) {
		return nil
	}
	is := policy.Principal{Vaults: c.Is.VaultIDs, Scopes: c.Is.Scopes}
	return func(vault, path string) bool { return !is.Covers(vault, path) }
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
