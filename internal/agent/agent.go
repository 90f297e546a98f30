// Package agent keeps agents: how they are registered or ask to be taken in, what
// they may and who may change that, and how they prove who they are.
//
// Its promise: an agent does at once no more of what its humans took from it; a key
// is shown once and kept as a hash; what an owner or admin set, only such a person
// loosens.
package agent

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
)

// Agent is an agent as it is stored and shown. What another part of the product keeps of
// it is one value of a type of that part's, which knows what it may be and what loosens it.
type Agent struct {
	identity.State
	Name, Description           string
	AuthMethod                  string // one of the Method constants
	KeyHash, KeyPrefix          string // empty unless AuthMethod is api_key
	CertFingerprint             string
	OIDCIssuer, OIDCClientID    string
	SSHPublicKey, ECDHPublicKey string // base64
	Sealed                      any    // of new keys: the private halves, as Safe sealed them, to be stored with the rest
	Guardrails                  intents.Guardrails
	ShroudConfig                shroud.Config
	Execution                   execution.Settings
	CreatedAt                   time.Time
	LastActiveAt                time.Time
	// KeyBy and KeyAt say who renewed the key last, and when; empty for the first.
	KeyBy policy.PrincipalKind
	KeyAt time.Time
	// HeldLimits are the guardrails as an owner or admin set them, where Held names them: a member who made
	// one tighter goes back to it. SeenLimits are what a person saw last, or tighter; nil: unknown.
	HeldLimits intents.Guardrails
	SeenLimits *intents.Guardrails
	Held       []string // the caps that an owner or admin set, which no member lifts
	// Widened says of a change that it lets the agent do more, Lifted that it lifts what
	// no member lifts. Neither is kept in the agent's row.
	Widened, Lifted bool
	// Warnings say what the policy does that came with an accepted enrolment: approvals
	// that are asked for no more. They are not stored.
	Warnings []string
}

// How an agent proves who it is.
const (
	MethodAPIKey = "api_key"
	MethodMTLS   = "mtls"
	MethodOIDC   = "oidc_client_credentials"
)

// renewKey gives the agent another key and ends its tokens.
func (a *Agent) renewKey() secret.Bytes {
	text := identity.NewKey(identity.AgentKeyPrefix)
	a.setKey(text)
	return secret.FromString(text)
}

// stop ends the agent with its key and tokens. What authenticates it otherwise is
// not here to be forgotten: see Patch.
func (a *Agent) stop() {
	a.Active = false
	a.KeyHash, a.KeyPrefix = "", ""
	a.TokenGen++
}

func (a *Agent) setKey(text string) {
	a.KeyHash, a.KeyPrefix = identity.HashKey(text), text[:identity.ShownPrefix]
	a.TokenGen++
}
