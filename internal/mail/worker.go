package mail

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// GiveUpAfter is the longest that any mail is tried.
	GiveUpAfter = 72 * time.Hour
	firstPause  = 30 * time.Second
	longPause   = 4 * time.Hour

	// lookEvery bounds how late a node notices what another one left behind.
	lookEvery = time.Minute
	// troublePause is the wait after the database did not answer.
	troublePause = 5 * time.Second
	// racePause is the wait after another node was faster.
	racePause = 100 * time.Millisecond

	// lease is how long a claimed mail stays out of others' sight. It must be
	// longer than sendTime, or two nodes may send the same mail.
	lease    = 5 * time.Minute
	sendTime = time.Minute
	// grace is what mails under way get when the server stops.
	grace = 5 * time.Second
	// atOnce bounds how many mails are on their way at a time.
	atOnce = 4
)

// Run sends mails until ctx ends. It returns when no mail is under way any more,
// at most a few seconds after; the queue must stay open until then.
func (s *Service) Run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	slots := make(chan struct{}, atOnce)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		m, found, pause := s.next(ctx)
		if found {
			sending.Go(func() {
				defer func() { <-slots }()
				s.deliver(ctx, m)
			})
			continue
		}
		<-slots
		if !s.rest(ctx, pause) {
			return
		}
	}
}

// DeliverDue tries all that is due now, one after the other, and returns how
// many tries it made.
func (s *Service) DeliverDue(ctx context.Context) (tries int) {
	for {
		m, found, _ := s.next(ctx)
		if !found {
			return tries
		}
		s.deliver(ctx, m)
		tries++
	}
}

// nudge makes Run look at the queue now.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// rest waits for the pause or a nudge. False when ctx ended.
func (s *Service) rest(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-s.wake:
	}
	return true
}

// next claims a mail that is due. When there is none it says how long to rest.
// It reads first, since a claim is a durable write.
func (s *Service) next(ctx context.Context) (m Queued, found bool, pause time.Duration) {
	now := s.cfg.Now()
	due, any, err := s.cfg.Queue.MailDue(ctx)
	if err == nil && (!any || due.After(now)) {
		if any {
			return m, false, min(due.Sub(now), lookEvery)
		}
		return m, false, lookEvery
	}
	if err == nil {
		m, found, err = s.cfg.Queue.ClaimMail(ctx, now, now.Add(lease))
	}
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.Warn("the mail queue does not answer", slog.Any("error", err))
		}
		return m, false, troublePause
	}
	return m, found, racePause
}

// deliver tries a claimed mail once and notes the outcome.
func (s *Service) deliver(ctx context.Context, m Queued) {
	now := s.cfg.Now()
	log := s.cfg.Log.With(slog.String("mail", m.ID), slog.Int("attempt", m.Attempts))
	// What happened is noted also when the server is stopping.
	note := context.WithoutCancel(ctx)
	if now.After(m.GiveUpAt) {
		log.Error("a mail is too old and was dropped")
		s.noted(log, s.cfg.Queue.RemoveMail(note, m.ID))
		return
	}
	name, err := s.send(ctx, m)
	log = log.With(slog.String("letter", name))
	rejected, refused := errors.AsType[*Rejected](err)
	again := s.cfg.Now().Add(PauseAfter(m.Attempts))
	switch {
	case err == nil && name == noMail: // nothing was to be sent
	case err == nil:
		log.Info("a mail was sent")
	case refused:
		log.Error("the mail server refused a mail for good, so it was dropped", slog.Int("smtp_code", rejected.Code))
	case errors.Is(err, errDamaged):
		log.Error("a stored mail is damaged and was dropped")
	case again.After(m.GiveUpAt):
		log.Error("a mail could not be sent in time and was dropped", slog.Any("error", err))
	default:
		log.Warn("a mail could not be sent yet", slog.Any("error", err), slog.Time("next_try", again))
		s.noted(log, s.cfg.Queue.RetryMail(note, m.ID, m.Attempts, again))
		s.nudge()
		return
	}
	s.noted(log, s.cfg.Queue.RemoveMail(note, m.ID))
}

func (s *Service) noted(log *slog.Logger, err error) {
	if err != nil {
		log.Error("the outcome of a mail could not be noted: it may be tried again", slog.Any("error", err))
	}
}

// send opens the mail and hands it to the sender. A panic in there must cost
// one mail, not the server at every start.
func (s *Service) send(ctx context.Context, m Queued) (name string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic while sending: %T", r)
		}
	}()
	ctx, cancel := outlive(ctx)
	defer cancel()
	c, err := s.open(ctx, m)
	if err != nil {
		return "", err
	}
	if c.Template == noMail {
		return c.Template, nil
	}
	return c.Template, s.cfg.Sender.Send(ctx, Message{
		ID: m.ID, From: s.from, To: c.To, Subject: c.Subject, Text: c.Text, HTML: c.HTML, Date: m.CreatedAt,
	})
}

// outlive is a context of at most sendTime that ends a little after ctx does.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { t.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// PauseAfter is the wait before the next attempt: it doubles with every attempt, up to a limit, and is moved by up to a
// quarter either way so that mails that failed together do not return together.
func PauseAfter(attempts int) time.Duration {
	d := longPause
	if n := max(attempts-1, 0); n < 20 {
		d = min(firstPause<<n, longPause)
	}
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand stops the program instead
	quarter := uint64(d / 4)
	return d - d/4 + time.Duration(binary.BigEndian.Uint64(b[:])%(2*quarter))
}
