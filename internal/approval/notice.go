package approval

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
)

// NoticeStore keeps whom to tell of requests, and which are still to be told.
type NoticeStore interface {
	// ClaimMails returns the requests of one organisation whose mails are due, at
	// most MaxClaimed, and keeps them from all others until the lease ends. There are
	// none as long as NextMails says: then theirs are due later. False
	// when no organisation has any.
	ClaimMails(ctx context.Context, now, lease time.Time) (due []Request, found bool, err error)
	// MailsOut says that the mails of requests that were claimed until lease are out.
	MailsOut(ctx context.Context, ids []string, lease time.Time) error
	// ClaimNotice returns a request whose webhook is to be called and keeps it from
	// all others until the lease ends; attempts counts this one. False when there is
	// none.
	ClaimNotice(ctx context.Context, now, lease time.Time) (r Request, attempts int, found bool, err error)
	// NoticeDue makes the request's call due again at a time; never, at zero.
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
	ApprovalRequested(ctx context.Context, to string, l Letter) error
}

// Letter is one mail.
type Letter struct {
	Notices []Notice // at least one
	More    int      // how many more requests it leaves out
}

// Notice is what people are told of a request. Names and the reason may be of the
// requester's making: what could be taken for a link or an address is not among them.
type Notice struct {
	ID, Vault, Path, Operation string
	Requester                  string // "agent <id>"
	VaultName, RequesterName   string // empty: not to be shown
	Reason                     string
	ReasonHidden               bool // there is one, and it is not to be shown
	Signs                      bool // the reason is what would be signed, in the server's words
}

// noticeOf is what a mail says of r.
func noticeOf(r *Request) Notice {
	n := Notice{
		ID: r.ID, Vault: r.Vault, Path: r.Path, Operation: string(r.Operation), Requester: string(r.Kind) + " " + r.Principal,
		VaultName: Plain(r.VaultName), Reason: Plain(r.Reason), RequesterName: Plain(r.RequesterName),
	}
	if r.Kind == policy.KindUser {
		n.RequesterName = r.RequesterName // an address that was checked
	}
	n.Signs = r.Operation == Sign
	n.ReasonHidden = r.Reason != "" && n.Reason == ""
	return n
}

// linked is what mail programs make links of, or people take for one.
var linked = regexp.MustCompile(`://|@|\pL\.\pL|(?i:www)\.|\d+\.\d+\.\d+\.\d+`)

// Plain returns a line that somebody else wrote when it is one, of letters, digits and what
// goes between them, and without anything like a link; else nothing.
func Plain(text string) string {
	if linked.MatchString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || r > unicode.MaxLatin1 }) {
		return ""
	}
	return text
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Mailer Mailer
	Calls  *signedcall.Caller
	Log    *slog.Logger
	Now    func() time.Time
}

// How notices are sent.
const (
	noticeEvery = time.Second
	noticeLease = time.Minute
	maxTries    = 8  // of a webhook
	maxShown    = 20 // requests in a mail
	callers     = 4  // webhooks that are called at a time
	maxTold     = 10 // people who get a mail
	keepEnded   = 30 * 24 * time.Hour
	sweepEvery  = time.Hour
)

// MaxClaimed bounds the requests that one round of mails tells of.
const MaxClaimed = 500

// Run sends notices, and forgets old requests, until ctx ends. Mails do not wait
// for webhooks, and a webhook that is slow keeps one of several callers busy.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.tellAll(ctx, s.mails) })
	for range callers {
		all.Go(func() { s.tellAll(ctx, s.calls) })
	}
	s.sweep(ctx)
	loop.Every(ctx, sweepEvery, s.sweep)
	all.Wait()
}

// sweep forgets old requests.
func (s *Service) sweep(ctx context.Context) {
	if err := s.cfg.Store.SweepApprovals(ctx, s.cfg.Now().Add(-keepEnded)); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("old approval requests were not removed", slog.Any("error", err))
	}
}

// tellAll sends what is due, by mail or to webhooks, until ctx ends.
func (s *Service) tellAll(ctx context.Context, tell func(context.Context) (found bool, err error)) {
	loop.Every(ctx, noticeEvery, func(ctx context.Context) {
		for ctx.Err() == nil {
			more, err := tell(ctx)
			if err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("a notice of an approval request was not sent", slog.Any("error", err))
			}
			if !more || err != nil {
				return
			}
		}
	})
}

// mails sends the mails of one organisation that are due.
func (s *Service) mails(ctx context.Context) (found bool, err error) {
	now := s.cfg.Now()
	lease := now.Add(noticeLease)
	due, found, err := s.cfg.Store.ClaimMails(ctx, now, lease)
	if err != nil || !found {
		return false, err
	}
	ids := make([]string, len(due))
	for i := range due {
		ids[i] = due[i].ID
	}
	due = slices.DeleteFunc(due, func(r Request) bool { return r.At(now) != Pending })
	if err := s.mail(ctx, due); err != nil {
		return true, err
	}
	return true, s.cfg.Store.MailsOut(ctx, ids, lease)
}

// calls calls a webhook that is due.
func (s *Service) calls(ctx context.Context) (found bool, err error) {
	now := s.cfg.Now()
	r, attempts, found, err := s.cfg.Store.ClaimNotice(ctx, now, now.Add(noticeLease))
	if err != nil || !found {
		return false, err
	}
	next := time.Time{}
	if r.At(now) == Pending {
		next = s.call(ctx, &r, attempts, now)
	}
	return true, s.cfg.Store.NoticeDue(ctx, r.ID, attempts, next)
}

// call calls the webhook and says when to try again; never, at zero.
func (s *Service) call(ctx context.Context, r *Request, attempts int, now time.Time) (next time.Time) {
	if err := s.post(ctx, r); err != nil {
		if attempts < maxTries {
			next = now.Add(backoff(attempts))
		}
		s.cfg.Log.Warn("an approval webhook did not take a request", slog.String("org", r.Org), slog.String("approval", r.ID), slog.Int("attempt", attempts), slog.Any("error", err))
	}
	return next
}

// backoff doubles from two seconds to about four minutes.
func backoff(attempts int) time.Duration { return time.Second << min(attempts, 8) }

// mail tells each of those who may decide about some of the requests of all these
// in one mail.
func (s *Service) mail(ctx context.Context, due []Request) error {
	letters := map[string]*Letter{}
	var order []string
	type place struct{ vault, except string }
	told := map[place][]string{}
	for i := range due {
		r := &due[i]
		at := place{vault: r.Vault}
		if r.Kind == policy.KindUser {
			at.except = r.Principal
		}
		to, known := told[at]
		if !known {
			var err error
			if to, err = s.cfg.Store.Deciders(ctx, r.Org, at.vault, at.except, maxTold); err != nil {
				return err
			}
			told[at] = to
		}
		for _, address := range to {
			l := letters[address]
			if l == nil {
				l = &Letter{}
				letters[address] = l
				order = append(order, address)
			}
			if len(l.Notices) == maxShown {
				l.More++
				continue
			}
			l.Notices = append(l.Notices, noticeOf(r))
		}
	}
	for _, address := range order {
		if err := s.cfg.Mailer.ApprovalRequested(ctx, address, *letters[address]); err != nil {
			return err
		}
	}
	return nil
}
