package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

const (
	// look is how often a call under way is asked whether it may go on.
	look = 250 * time.Millisecond
	// lookTime is how long the answer to that may take.
	lookTime = time.Second
	// unsure is how long a call goes on while there is no answer.
	unsure = 5 * time.Second
)

// standing is what a call under way rests on.
type standing struct {
	of    *gate.Request
	asked *asked
	keyAt vault.Ref // of the key in use, if it is from a vault
	until time.Time // when the agent ends; zero: never
	epoch int64     // of the organisation's rights that this was found with
	looks int       // how often it was asked
}

// lives is at how many looks the key itself is looked for: what deletes it changes no right.
const lives = 3

// watch returns a context that ends when the right to a call under way does, or when the
// server is told to stop. Its cause says why.
func (p *Proxy) watch(ctx context.Context, s *standing) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		sure := time.Now() //nolint:forbidigo // how long it is not known is not a matter of the day's time
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.leaving:
				cancel(errLeaving)
				return
			case <-tick.C:
			}
			err := p.may(ctx, s)
			switch {
			case err == nil:
				sure = time.Now() //nolint:forbidigo // as above
			case fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound):
				cancel(errEnded)
				return
			case time.Since(sure) > unsure: //nolint:forbidigo // as above
				cancel(errUnsure)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// may returns why a call under way would be refused now. What only a change of rights
// changes is asked again when there was one.
func (p *Proxy) may(ctx context.Context, s *standing) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	c, err := s.of.Standing(ctx)
	if err != nil {
		return err
	}
	if err := c.Authorize(policy.CallModel, c.Own()); err != nil {
		return err
	}
	if s.keyAt.Vault != "" {
		if may, err := p.cfg.Vault.MayUse(ctx, c, s.keyAt.Vault, s.keyAt.Path); err != nil || !may {
			if err == nil {
				err = errEnded
			}
			return err
		}
		if s.looks++; s.looks%lives == 0 {
			if there, err := p.cfg.Vault.Lives(ctx, c, s.keyAt); err != nil || !there {
				if err == nil {
					err = errEnded
				}
				return err
			}
		}
	}
	if epoch, sure := p.cfg.Epoch(c.Who.Org); !sure || epoch != s.epoch {
		who, err := p.self(ctx, c)
		if err != nil {
			return err
		}
		if err := allowed(&who, s.asked); err != nil {
			return err
		}
		s.epoch, s.until = epoch, who.ExpiresAt
	}
	if !s.until.IsZero() && !c.Now.Before(s.until) {
		return errEnded
	}
	return nil
}

// Leave ends the calls under way: the server is told to stop, and whoever reads an answer
// is to know that it ends early.
func (p *Proxy) Leave() { p.leave.Do(func() { close(p.leaving) }) }

// endedBy is why a call ended before its answer did, or nil where that is the provider's doing.
func endedBy(ctx context.Context, r *http.Request) error {
	if err := r.Context().Err(); err != nil {
		return err // who asked is gone
	}
	if why, ok := errors.AsType[*fault.Error](context.Cause(ctx)); ok {
		return why
	}
	return nil
}

// brokenBy is how a call ended before its answer did.
func brokenBy(ctx context.Context, r *http.Request) spend.How {
	switch why := endedBy(ctx, r); {
	case why == nil:
		return spend.Broken
	case errors.Is(why, errEnded):
		return spend.Revoked
	case errors.Is(why, errLeaving), errors.Is(why, errUnsure):
		return spend.Stopped
	}
	return spend.HungUp
}
