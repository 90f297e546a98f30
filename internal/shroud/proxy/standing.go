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

// standing is what a call under way rests on.
type standing struct {
	of    *gate.Request
	asked *asked
	keyAt vault.Ref // of the key in use, if it is from a vault
	given string    // the approval that its use rests on, if a policy asks for one
	until time.Time // when the agent ends; zero: never
	epoch int64     // of the organisation's rights that this was found with
	looks int       // how often it was asked
}

// lives is at how many looks the key itself is looked for: what deletes it changes no right.
const lives = 3

// watch is what ends a call before its answer does.
func (p *Proxy) watch(s *standing) gate.Watch {
	return gate.Watch{
		May: func(ctx context.Context) error { return p.may(ctx, s) }, Leaving: p.leaving,
		Ended: errEnded, Unsure: errUnsure, Left: errLeaving,
	}
}

// may returns why a call under way would be refused now. What only a change of rights
// changes is asked again when there was one.
func (p *Proxy) may(ctx context.Context, s *standing) error {
	c, err := s.of.Standing(ctx)
	if err != nil {
		return err
	}
	if err := c.Authorize(policy.CallModel, c.Own()); err != nil {
		return err
	}
	if s.keyAt.Vault != "" {
		if may, err := p.cfg.Vault.MayGoOn(ctx, c, s.keyAt, s.given); err != nil || !may {
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
	why := context.Cause(ctx)
	if e, ok := errors.AsType[*fault.Error](why); ok {
		return e
	}
	if e, ok := errors.AsType[*upstream](why); ok {
		return e
	}
	return nil
}

// brokenBy is how a call ended before its answer did.
func brokenBy(ctx context.Context, r *http.Request) spend.How {
	switch why := endedBy(ctx, r); {
	case why == nil, errors.Is(why, errSilent), errors.Is(why, errLong):
		return spend.Broken
	case errors.Is(why, errEnded):
		return spend.Revoked
	case errors.Is(why, errLeaving), errors.Is(why, errUnsure):
		return spend.Stopped
	}
	return spend.HungUp
}
