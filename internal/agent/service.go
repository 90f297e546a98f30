package agent

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Mailer sends mail. Its methods return when the mail is queued.
type Mailer interface {
	// EnrollAgent asks a human to take in an agent that came from an address. The
	// name is a stranger's. The token is that of the link, the key the agent's.
	EnrollAgent(ctx context.Context, to, name, from, id, key, token string) error
	// AccountNotice tells the owner of the address what was done to its account.
	AccountNotice(ctx context.Context, to, what string, at time.Time) error
}

// Safe keeps the private halves of agents' identity keys.
type Safe interface {
	// SealAgentKeys seals keys for the vault __agent-keys of c's organisation, by their
	// paths, and calls store, perhaps more than once, which writes them with the agent.
	SealAgentKeys(ctx context.Context, c *call.Call, keys map[string]secret.Bytes, store func(sealed any) error) error
}

// Issuers verifies what agents' own issuers signed. *oidc.Verifier is one.
type Issuers interface {
	// Verify returns what a token of that issuer claims. Its error is an
	// oidc.Reason, or the context's.
	Verify(ctx context.Context, tenant, issuer, token string, now time.Time) (oidc.Claims, error)
}

// Granter says whether the caller may give access to a vault, and what that opens.
type Granter interface {
	// Shows reports whether the caller may see the vault, which must exist.
	Shows(ctx context.Context, c *call.Call, vaultID string) (bool, error)
	// Widens reports whether an agent that gets from one cap to another reaches a path
	// on laxer terms than a policy asks for there.
	Widens(ctx context.Context, agent string, was, now policy.Cap, at time.Time) (bool, error)
	// DraftGrant returns the policy as it is to be stored. Nothing is stored yet,
	// nor is the principal asked for, which may not exist yet. warnings say which
	// approvals are asked for no more with it.
	DraftGrant(ctx context.Context, c *call.Call, g policy.Spec) (_ policy.Spec, warnings []string, err error)
}

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Identity *identity.Service
	Mailer   Mailer
	Safe     Safe
	// Granter is needed where agents are bound to vaults, or enrolments accepted with
	// access to one.
	Granter Granter
	Log     *slog.Logger
	Now     func() time.Time

	// ClientCAs may issue certificates for agents that have none pinned. They may be
	// replaced at any time; nil, or none: nobody.
	ClientCAs func() *x509.CertPool
	// Issuers verifies tokens of agents' issuers, apart from those that humans log in
	// through: what tenants name must not get in the way of logins. Nil: none is taken.
	Issuers   Issuers
	Audiences []string // what tokens of agents' issuers must be meant for
	// CheckURL refuses the URL of an issuer that would never be called; nil: none.
	CheckURL func(url string) error
	// VerifyEmail says that a human must have confirmed the address that an agent
	// names.
	VerifyEmail bool
}

// Service is the methods of agent.
type Service struct {
	cfg      Config
	store    Store
	identity *identity.Service
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, store: cfg.Store, identity: cfg.Identity} }

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
