package wanted

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// NoticeStore keeps which requests people are still to be told of.
type NoticeStore interface {
	// ClaimSecretMails returns the requests of one organisation whose mails are due, at most
	// MaxClaimed, and keeps them from all others until the lease ends. There are none as long as
	// approval.NextMails says: then theirs are due later. False when no organisation has any.
	ClaimSecretMails(ctx context.Context, now, lease time.Time) (due []Request, found bool, err error)
	// SecretMailsOut says that the mails of requests that were claimed until lease are out.
	SecretMailsOut(ctx context.Context, ids []string, lease time.Time) error
	// Emails returns the mail addresses of users, in order.
	Emails(ctx context.Context, users []string) ([]string, error)
}

// Mailer tells people. It returns when the mail is queued.
type Mailer interface {
	SecretsWanted(ctx context.Context, to string, l Letter) error
}

// Letter is one mail.
type Letter struct {
	Requests []Request // at least one
	More     int       // how many more requests it leaves out
}

// How notices are sent.
const (
	noticeEvery = time.Second
	noticeLease = time.Minute
	maxShown    = 20 // requests in a mail
	maxTold     = 10 // people who get a mail
	keepEnded   = 30 * 24 * time.Hour
	sweepEvery  = time.Hour
)

// MaxClaimed bounds the requests that one round of mails tells of.
const MaxClaimed = 500

// Run tells people of requests, and forgets old ones, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		loop.Every(ctx, noticeEvery, s.tell)
	}()
	s.sweep(ctx)
	loop.Every(ctx, sweepEvery, s.sweep)
	<-done
}

func (s *Service) sweep(ctx context.Context) {
	if err := s.cfg.Store.SweepSecretRequests(ctx, s.cfg.Now().Add(-keepEnded)); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("old requests for secrets were not removed", slog.Any("error", err))
	}
}

// tell sends all mails that are due.
func (s *Service) tell(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := s.Tell(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("a notice of a request for a secret was not sent", slog.Any("error", err))
		}
		if !more || err != nil {
			return
		}
	}
}

// Tell sends the mails of one organisation that are due. Run does it all the time.
func (s *Service) Tell(ctx context.Context) (found bool, err error) {
	now := s.cfg.Now()
	lease := now.Add(noticeLease)
	due, found, err := s.cfg.Store.ClaimSecretMails(ctx, now, lease)
	if err != nil || !found {
		return false, err
	}
	ids := make([]string, len(due))
	for i := range due {
		ids[i] = due[i].ID
	}
	due = slices.DeleteFunc(due, func(r Request) bool { return r.At(now) != Waiting })
	if err := s.mail(ctx, due, now); err != nil {
		return true, err
	}
	return true, s.cfg.Store.SecretMailsOut(ctx, ids, lease)
}

// mail tells each of those who may give some of the secrets of all these in one mail.
func (s *Service) mail(ctx context.Context, due []Request, now time.Time) error {
	letters := map[string]*Letter{}
	var order []string
	for i := range due {
		to, err := s.told(ctx, &due[i], now)
		if err != nil {
			return err
		}
		for _, address := range to {
			l := letters[address]
			if l == nil {
				l = &Letter{}
				letters[address] = l
				order = append(order, address)
			}
			if len(l.Requests) == maxShown {
				l.More++
				continue
			}
			l.Requests = append(l.Requests, due[i])
		}
	}
	for _, address := range order {
		if err := s.cfg.Mailer.SecretsWanted(ctx, address, *letters[address]); err != nil {
			return err
		}
	}
	return nil
}

// told are the addresses of those who may give what a request is for.
func (s *Service) told(ctx context.Context, r *Request, now time.Time) ([]string, error) {
	p, err := secretpath.Parse(r.Path)
	if err != nil {
		return nil, nil //nolint:nilerr // nobody may write what is no path
	}
	users, err := s.cfg.Vault.Writers(ctx, r.Org, r.Vault, p, now, func(ctx context.Context, kind policy.PrincipalKind, id string) (policy.Principal, error) {
		return s.cfg.PrincipalNow(ctx, kind, id, r.Org, now)
	})
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return s.cfg.Store.Emails(ctx, users[:min(len(users), maxTold)])
}
