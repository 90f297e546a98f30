// Package mail writes the server's mails, keeps them until they are sent, and
// sends them.
//
// Its promise: a mail that was accepted is tried until it is delivered, refused
// for good, or too old to be of use, also across restarts and on several nodes;
// only the recipient that was given gets it. Mails hold tokens, so the database
// has them sealed, and no log line shows an address or a content. A mail is sent
// once unless a node dies between the server's answer and its own note of it:
// then it goes out again, under the same Message-ID.
package mail

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Queued is a mail as the queue keeps it.
type Queued struct {
	ID        string
	Box       seal.Box // the message
	Attempts  int      // how often it was claimed
	CreatedAt time.Time
	GiveUpAt  time.Time
}

// Queue keeps mails until they are sent. Several nodes may share one.
type Queue interface {
	// AddMail stores a mail that is due at once. It is on disk when AddMail returns.
	AddMail(ctx context.Context, m Queued) error
	// MailDue says when the next mail is due, and false when there is none.
	MailDue(ctx context.Context) (time.Time, bool, error)
	// ClaimMail returns a mail that is due now and keeps it from all others until
	// the lease ends. False when there is none.
	ClaimMail(ctx context.Context, now, lease time.Time) (Queued, bool, error)
	// RetryMail makes the mail due at a time, unless it was claimed again since.
	RetryMail(ctx context.Context, id string, attempts int, at time.Time) error
	// RemoveMail forgets the mail.
	RemoveMail(ctx context.Context, id string) error
}

// Sealer seals what the queue keeps.
type Sealer interface {
	Seal(ctx context.Context, kek string, r seal.Ref, value secret.Bytes) (seal.Box, error)
	Open(ctx context.Context, kek string, r seal.Ref, b seal.Box) (secret.Bytes, error)
}

// Keys makes the key that mails are sealed with. CreateKEK fails with
// fault.Conflict when the key is there.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
}

// Sender delivers one message. An error that holds a *Rejected is final; after
// any other the message may be tried again.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Config is what a Service is made of.
type Config struct {
	Queue  Queue
	Sealer Sealer
	Keys   Keys
	Sender Sender
	Log    *slog.Logger
	Now    func() time.Time

	From      string // "oneclaw@example.com" or "Our vault <oneclaw@example.com>"
	PublicURL string // where links lead: "https://vault.example.com"
}

// Service queues mails and sends them.
type Service struct {
	cfg       Config
	from      string
	public    string
	templates map[string]*template
	wake      chan struct{}
}

// New returns a Service. It is fault.Invalid when From or PublicURL can't be used.
func New(cfg Config) (*Service, error) {
	from, err := sender(cfg.From)
	if err != nil {
		return nil, err
	}
	public, err := baseURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	templates, err := parseTemplates()
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, from: from, public: public, templates: templates, wake: make(chan struct{}, 1)}, nil
}

// VerifyEmail queues the mail that asks the owner of an address to confirm it
// with the token. It implements account.Mailer.
func (s *Service) VerifyEmail(ctx context.Context, to, token string) error {
	if err := checkToken(token); err != nil {
		return err
	}
	return s.enqueue(ctx, verifyEmail, to, tokenPage{
		Server: s.public,
		Page:   s.public + "/verify-email?token=" + token,
		API:    s.public + "/v1/auth/verify-email",
		Token:  token,
	})
}
