package sharing

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// A share's maker is told of its first access, and of those that follow once an
// hour at most: a link that is read all day must not fill a mailbox.
const noticeEvery = time.Hour

// noticePoll is how often is looked for accesses that other nodes counted, or that
// an hour ago were too soon.
const noticePoll = time.Minute

// nudge wakes Run.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run tells makers of accesses until ctx ends. Several nodes may do so: each
// notice goes out once.
func (s *Service) Run(ctx context.Context) {
	notify := func(ctx context.Context) {
		if err := s.Notify(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("makers of shares were not told of accesses yet", slog.Any("error", err))
		}
	}
	notify(ctx)
	loop.EveryOr(ctx, noticePoll, s.wake, notify)
}

// Notify queues the notices that are due.
func (s *Service) Notify(ctx context.Context) error {
	now := s.cfg.Now()
	due, err := s.cfg.Store.Unnoticed(ctx, now.Add(-noticeEvery), 100)
	if err != nil {
		return err
	}
	for i := range due {
		sh := &due[i]
		mine, err := s.cfg.Store.Notice(ctx, sh, now)
		if err != nil {
			return err
		}
		// A human that reads what its own agent hands back knows it.
		if !mine || sh.RecipientID == sh.MakerHuman {
			continue
		}
		to, confirmed, err := s.cfg.People.Address(ctx, sh.MakerHuman, sh.Org)
		if err != nil || !confirmed && !s.cfg.TrustAddresses {
			continue // no member any more, or nobody knows whose address it is
		}
		// The row's id: what opens a link does not belong in a mail.
		if err := s.cfg.Mailer.ShareAccessed(ctx, to, sh.ID, sh.AccessCount-sh.NotifiedCount); err != nil {
			return err
		}
	}
	return nil
}
