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

// Read is a share that was read, with the names that its maker knows things by.
type Read struct {
	Share
	VaultName     string
	RecipientName string // of an agent, or the mail address of a user; empty for others
}

// Notice is what a share's maker is told of reads. The names may be of others' making.
type Notice struct {
	ID              string // the log's name for the share: what opens a link does not belong in a mail
	Path, VaultName string
	Type            RecipientType
	Recipient       string // the name of an agent, else a mail address; empty for a link
	Times           int64  // since the last letter
}

// notice is what its maker is told of a share.
func (r *Read) notice() Notice {
	n := Notice{ID: r.ID, Path: r.Path, VaultName: r.VaultName, Type: r.Type, Recipient: r.RecipientName, Times: r.AccessCount - r.NotifiedCount}
	if r.Type == ToEmail {
		n.Recipient = r.Email
	}
	return n
}

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
		mine, err := s.cfg.Store.Notice(ctx, &sh.Share, now)
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
		if err := s.cfg.Mailer.ShareAccessed(ctx, to, sh.notice()); err != nil {
			return err
		}
	}
	return nil
}
