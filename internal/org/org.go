// Package org keeps who belongs to which organisation: members and their roles,
// invitations, and the way from one organisation to another.
//
// Its promise: who decides is looked at again with the write; an organisation is
// never without an owner; a membership ends with all that hung on it; an invitation
// makes nobody a member but the owner of the address that it was mailed to.
package org

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Mailer sends mail.
type Mailer interface {
	// Invite asks the owner of the address to join an organisation with the token.
	// from is the address of who invites. It returns when the mail is queued.
	Invite(ctx context.Context, to, from, token string, ends time.Time) error
}

// Accounts makes the accounts of those who were invited and have none.
type Accounts interface {
	// NewAccount returns an account that is not stored yet, of a good address and name.
	NewAccount(email, name string, now time.Time) (identity.Account, error)
	// NewPassword returns the hash of a password that keeps the rules. known is what
	// is known of its owner.
	NewPassword(ctx context.Context, password secret.Bytes, known ...string) (string, error)
	// ProveByPassword returns Invalid when the password is not the account's.
	ProveByPassword(ctx context.Context, c *call.Call, a *identity.Account, password secret.Bytes) error
}

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Identity *identity.Service
	Accounts Accounts
	Mailer   Mailer
	Signup   bool // who is removed everywhere gets an organisation of its own
}

// Service is the methods of org.
type Service struct {
	cfg      Config
	store    Store
	identity *identity.Service
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, store: cfg.Store, identity: cfg.Identity} }

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
