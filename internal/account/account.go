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

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
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
