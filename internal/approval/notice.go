package approval

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// NoticeStore keeps whom to tell of requests, and which are still to be told.
type NoticeStore interface {
	// ClaimNotice returns a request whose notice is due and keeps it from all
	// others until the lease ends: with fresh one whose mails are not out, at 0
	// attempts, else one whose webhook is to be called, from 2 on. False when there
	// is none.
	ClaimNotice(ctx context.Context, fresh bool, now, lease time.Time) (r Request, attempts int, found bool, err error)
	// NoticeDue makes the request's notice due again at a time; never, at zero. It
	// is not fresh any more.
	NoticeDue(ctx context.Context, id string, attempts int, at time.Time) error
	// Deciders returns the mail addresses of those who may decide about a vault,
	// its creator first, but the given user's; at most limit.
	Deciders(ctx context.Context, org, vault, except string, limit int) ([]string, error)
	// Webhook returns fault.NotFound when the organisation has none.
	Webhook(ctx context.Context, org string) (Webhook, error)
	WebhookStore
}

// Mailer tells people. It returns when the mail is queued.
type Mailer interface {
	ApprovalRequested(ctx context.Context, to string, n Notice) error
}

// Notice is what people are told: nothing that the requester wrote.
type Notice struct {
	ID, Vault, Path, Operation string
	Requester                  string // "agent <id>"
}

// Sealer seals the secrets that webhooks are signed with.
type Sealer interface {
	Seal(ctx context.Context, kek string, r seal.Ref, value secret.Bytes) (seal.Box, error)
	Open(ctx context.Context, kek string, r seal.Ref, b seal.Box) (secret.Bytes, error)
}

// Keys makes the key for that. CreateKEK fails with fault.Conflict when it is there.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
}

// Sender makes one outbound request. It refuses addresses that the operator did
// not allow.
type Sender interface {
	Do(*http.Request) (*http.Response, error)
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Mailer Mailer
	Sealer Sealer
	Keys   Keys
	Sender Sender
	Log    *slog.Logger
	Now    func() time.Time
}

// How notices are sent.
const (
	noticeEvery = time.Second
	noticeLease = time.Minute
	maxTries    = 8  // of a webhook
	callers     = 4  // webhooks that are called at a time
	maxTold     = 10 // people who get a mail
	keepEnded   = 30 * 24 * time.Hour
	sweepEvery  = time.Hour
)

// Run sends notices, and forgets old requests, until ctx ends. Mails do not wait
// for webhooks, and a webhook that is slow keeps one of several callers busy.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.tellAll(ctx, true) })
	for range callers {
		all.Go(func() { s.tellAll(ctx, false) })
	}
	s.sweep(ctx)
	all.Wait()
}

// sweep forgets old requests until ctx ends.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := s.cfg.Store.SweepApprovals(ctx, s.cfg.Now().Add(-keepEnded)); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("old approval requests were not removed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// tellAll sends what is due, by mail or to webhooks, until ctx ends.
func (s *Service) tellAll(ctx context.Context, fresh bool) {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ctx.Err() == nil {
			more, err := s.tell(ctx, fresh)
			if err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("a notice of an approval request was not sent", slog.Any("error", err))
			}
			if !more || err != nil {
				break
			}
		}
	}
}

// tell sends the notice that is due, if one is: first the mails, and then, until
// it is taken, the call of the webhook.
func (s *Service) tell(ctx context.Context, fresh bool) (found bool, err error) {
	now := s.cfg.Now()
	r, attempts, found, err := s.cfg.Store.ClaimNotice(ctx, fresh, now, now.Add(noticeLease))
	if err != nil || !found {
		return false, err
	}
	next := time.Time{}
	switch {
	case r.At(now) != Pending:
	case fresh:
		next = now
		if err := s.mail(ctx, &r); err != nil {
			return true, err
		}
	default:
		next = s.call(ctx, &r, attempts, now)
	}
	return true, s.cfg.Store.NoticeDue(ctx, r.ID, attempts, next)
}

// call calls the webhook and says when to try again; never, at zero. The first
// attempt was the mails.
func (s *Service) call(ctx context.Context, r *Request, attempts int, now time.Time) (next time.Time) {
	if err := s.post(ctx, r); err != nil {
		if attempts <= maxTries {
			next = now.Add(backoff(attempts - 1))
		}
		s.cfg.Log.Warn("an approval webhook did not take a request", slog.String("approval", r.ID), slog.Int("attempt", attempts-1), slog.Any("error", err))
	}
	return next
}

// backoff doubles from two seconds to about four minutes.
func backoff(attempts int) time.Duration { return time.Second << min(attempts, 8) }

func (s *Service) mail(ctx context.Context, r *Request) error {
	except := ""
	if r.Kind == "user" {
		except = r.Principal
	}
	to, err := s.cfg.Store.Deciders(ctx, r.Org, r.Vault, except, maxTold)
	if err != nil {
		return err
	}
	n := Notice{ID: r.ID, Vault: r.Vault, Path: r.Path, Operation: string(r.Operation), Requester: string(r.Kind) + " " + r.Principal}
	for _, address := range to {
		if err := s.cfg.Mailer.ApprovalRequested(ctx, address, n); err != nil {
			return err
		}
	}
	return nil
}
