// Package account keeps the accounts of humans: how they are made and ended, every
// way of logging in, the second factor, sessions, personal API keys and the profile.
//
// Its promise: whether somebody has an account does not show, in an answer or in its
// time, to who does not own it; no login passes a second factor by; passwords, codes
// and keys are stored as hashes, or sealed.
package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Keys holds the key that second factors are sealed with.
type Keys interface {
	// CreateKEK fails with fault.Conflict when the key is there.
	CreateKEK(ctx context.Context, id string) error
}

// Mailer sends mail. Its methods return when the mail is queued.
type Mailer interface {
	// VerifyEmail asks the owner of the address to confirm it with the token.
	VerifyEmail(ctx context.Context, to, token string) error
	// ResetPassword sends the owner of the address a token for a new password.
	ResetPassword(ctx context.Context, to, token string) error
	// AccountNotice tells the owner of the address what was done to its account.
	AccountNotice(ctx context.Context, to, what string, at time.Time) error
	// NoMail takes as long as the others and sends nothing.
	NoMail(ctx context.Context) error
}

// Shredder destroys the keys of vaults that are gone.
type Shredder interface {
	Sweep(ctx context.Context) error
}

// Sealer seals the keys of second factors.
type Sealer interface {
	Seal(ctx context.Context, kek string, r seal.Ref, value secret.Bytes) (seal.Box, error)
	Open(ctx context.Context, kek string, r seal.Ref, b seal.Box) (secret.Bytes, error)
}

// Providers verifies what identity providers signed. *oidc.Verifier is one.
type Providers interface {
	// Verify returns what a token of that issuer claims. Its error is an
	// oidc.Reason, or the context's.
	Verify(ctx context.Context, tenant, issuer, token string, now time.Time) (oidc.Claims, error)
}

// LoginProvider is an identity provider that humans log in through.
type LoginProvider struct{ Issuer, ClientID string }

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Identity *identity.Service
	Keys     Keys
	Sealer   Sealer
	Mailer   Mailer
	// Shredder destroys the keys of organisations that are deleted; nil: that is
	// left to others.
	Shredder Shredder
	Log      *slog.Logger
	Now      func() time.Time
	// PublicURL is where people open the pages: passkeys belong to its name.
	PublicURL string

	// LoginKeys verifies tokens of Logins, whom humans log in through. Without them
	// no token of others is taken.
	LoginKeys Providers
	Logins    []LoginProvider
	// Invited reports whether an address may have an account although strangers
	// may make none; nil: no.
	Invited func(ctx context.Context, email string) (bool, error)

	Signup      bool // strangers may make accounts
	VerifyEmail bool // ... and must confirm their address before they log in
}

// Service is the methods of account.
type Service struct {
	cfg      Config
	store    Store
	identity *identity.Service
	resets   chan struct{} // bounds the mails for new passwords that are made at a time
	working  sync.WaitGroup
}

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, store: cfg.Store, identity: cfg.Identity, resets: make(chan struct{}, maxResets)}
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }

// notice mails a user what was done to its account. It is done already: that the
// mail could not be queued is no reason to fail.
func (s *Service) notice(ctx context.Context, a *identity.Account, what string) {
	if s.cfg.Mailer == nil {
		return
	}
	if err := s.cfg.Mailer.AccountNotice(context.WithoutCancel(ctx), a.Email, what, s.cfg.Now()); err != nil {
		s.cfg.Log.Warn("a notice was not mailed", slog.String("user", a.ID), slog.Any("error", err))
	}
}

func (s *Service) self(ctx context.Context, c *call.Call, a policy.Action) (identity.Account, error) {
	c.Touch("user", c.Who.ID)
	if err := c.Authorize(a, c.Own()); err != nil {
		return identity.Account{}, err
	}
	return s.store.Account(ctx, c.Who.ID, c.Who.Org)
}
