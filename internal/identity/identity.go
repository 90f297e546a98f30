// Package identity says who is calling: users, agents, their keys and tokens.
//
// Its promise: a principal is built from what the database says now, never from
// what a token claims. A revoked token, a deactivated or expired agent, a
// rotated key and a changed password are dead at once (on other nodes within a
// second), and every credential that is refused is refused with the same fault.
// Keys, tokens and passwords are stored as hashes only, and a token is handed
// out only after its event is in the log.
package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Keys holds the keys that tokens are signed with, and second factors sealed.
type Keys interface {
	// CreateKEK fails with fault.Conflict when the key is there.
	CreateKEK(ctx context.Context, id string) error
	CreateSigner(ctx context.Context, id string) error
	Signer(ctx context.Context, id string) (crypto.Signer, error)
	Signers(ctx context.Context) ([]string, error)
}

// Mailer sends mail. Its methods return when the mail is queued.
type Mailer interface {
	// VerifyEmail asks the owner of the address to confirm it with the token.
	VerifyEmail(ctx context.Context, to, token string) error
	// EnrollAgent asks a human to take in an agent that came from an address. The
	// name is a stranger's. The token is that of the link, the key the agent's.
	EnrollAgent(ctx context.Context, to, name, from, key, token string) error
	// ResetPassword sends the owner of the address a token for a new password.
	ResetPassword(ctx context.Context, to, token string) error
	// AccountNotice tells the owner of the address what was done to its account.
	AccountNotice(ctx context.Context, to, what string, at time.Time) error
	// NoMail takes as long as the others and sends nothing.
	NoMail(ctx context.Context) error
	// Invite asks the owner of the address to join an organisation with the token.
	// from is the address of who invites.
	Invite(ctx context.Context, to, from, token string, ends time.Time) error
}

// Safe keeps the private halves of agents' identity keys.
type Safe interface {
	// SealAgentKeys seals keys for the vault __agent-keys of c's organisation, by their
	// paths, and calls store, perhaps more than once, which writes them with the agent.
	SealAgentKeys(ctx context.Context, c *call.Call, keys map[string]secret.Bytes, store func(sealed any) error) error
}

// Shredder destroys the keys of vaults that are gone.
type Shredder interface {
	Sweep(ctx context.Context) error
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Keys   Keys
	Sealer Sealer
	Mailer Mailer
	Safe   Safe
	// Shredder destroys the keys of organisations that are deleted; nil: that is
	// left to others.
	Shredder Shredder
	// ClientCAs may issue certificates for agents that have none pinned. Nil: nobody.
	ClientCAs *x509.CertPool
	// Granter is needed where agents are bound to vaults, or enrolments accepted with
	// access to one.
	Granter Granter
	Log     *slog.Logger
	Now     func() time.Time

	Issuer   string // iss of tokens
	Audience string // aud of tokens

	// LoginKeys verifies tokens of Logins, whom humans log in through, and
	// AgentKeys those of agents' issuers: what tenants name must not get in the way
	// of logins. Without them no token of others is taken.
	LoginKeys, AgentKeys Providers
	Logins               []LoginProvider
	Audiences            []string // what tokens of agents' issuers must be meant for
	// CheckURL refuses the URL of an issuer that would never be called; nil: none.
	CheckURL func(url string) error
	// Invited reports whether an address may have an account although strangers
	// may make none; nil: no.
	Invited func(ctx context.Context, email string) (bool, error)

	Signup      bool // strangers may make accounts
	VerifyEmail bool // ... and must confirm their address before they log in
}

// Service is the methods of identity.
type Service struct {
	cfg      Config
	store    Store
	ring     *keyring
	parser   *parser
	known    *cache
	activity activity
	fences   fences
	hashing  chan struct{} // bounds how many passwords are hashed at a time
	turns    turns
	resets   chan struct{} // bounds the mails for new passwords that are made at a time
	working  sync.WaitGroup
	hashed   atomic.Bool // since memory was last given back
}

// New returns a Service. It makes the first token key when the keystore has none.
func New(ctx context.Context, cfg Config) (*Service, error) {
	ring, err := newKeyring(ctx, cfg.Keys, cfg.Now(), cfg.Log)
	if err != nil {
		return nil, err
	}
	known := newCache()
	cfg.Store.OnRevoke(known.revoke)
	return &Service{
		cfg: cfg, store: cfg.Store, ring: ring, parser: newParser(ring, cfg.Issuer, cfg.Audience),
		known: known, activity: newActivity(), fences: newFences(), hashing: make(chan struct{}, maxHashing),
		resets: make(chan struct{}, maxResets),
	}, nil
}

// Run works in the background until ctx ends: it writes when agents and keys
// were last used, and gives the memory of hashing back.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(activityEvery)
	defer tick.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.activity.flush(ctx, s.store, s.cfg.Now()); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("times of last use were not written", slog.Any("error", err))
		}
		if err := s.ProcessEnrollments(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("enrolments of agents wait", slog.Any("error", err))
		}
		if now := s.cfg.Now(); now.Sub(swept).Abs() >= sweepEvery { // the clock may have been set back
			swept = now
			if err := s.store.Sweep(ctx, now, now.Add(-guessUnseen)); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("what has ended could not be swept", slog.Any("error", err))
			}
		}
		// Each hash leaves 19 MiB behind that the collector, which sees a small
		// heap, would keep for minutes.
		if s.hashed.Swap(false) {
			debug.FreeOSMemory()
		}
	}
}

// stamp cuts a time to the precision of the database.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func newID() string { return uuid.Must(uuid.NewRandomFromReader(rand.Reader)).String() }

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
