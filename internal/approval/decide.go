package approval

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Decide approves or denies a request. The caller must be a person who is there and
// may set policies on the vault, and not the requester.
func (s *Service) Decide(ctx context.Context, c *call.Call, id string, approve bool, reason string) (Request, error) {
	action := policy.GrantApproval
	if !approve {
		action = policy.DenyApproval
	}
	c.Event.Action = string(action)
	if err := enter(c, action, id); err != nil {
		return Request{}, err
	}
	for {
		r, err := s.found(ctx, c, id)
		if err != nil {
			return Request{}, err
		}
		if r.Kind == policy.KindUser && r.Principal == c.Who.ID {
			if r.Operation == Sign {
				return Request{}, errOwnSign
			}
			return Request{}, errOwn
		}
		if err := s.mayDecide(ctx, c, &r); err != nil {
			return Request{}, err
		}
		if err := s.decideNow(ctx, c, &r, approve); err != nil {
			return Request{}, err
		}
		r.DecisionReason = reason
		c.Event.Details.Outcome = audit.Success
		// An edit of the policy that came in between makes its terms be read again.
		// Each turn means that somebody made progress, so this ends.
		if err = s.cfg.Store.DecideApproval(ctx, r, c.Event); !errors.Is(err, ErrChanged) || ctx.Err() != nil {
			return r, err
		}
		c.Event.Details.Outcome = ""
	}
}

// decideNow makes of r what was decided. An approval is worth no more than the
// policy said when it was asked for, and no more than it says now.
func (s *Service) decideNow(ctx context.Context, c *call.Call, r *Request, approve bool) error {
	switch r.At(c.Now) {
	case Pending:
	case Ended:
		return ErrChanged
	default:
		return ErrDecided
	}
	if r.Policy.ID != "" {
		terms, now, err := s.cfg.Store.ApprovalPolicy(ctx, r.Policy.ID)
		if fault.Is(err, fault.NotFound) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		r.Policy, r.ValidFor, r.MaxUses = now, min(r.ValidFor, terms.ValidFor), min(r.MaxUses, terms.MaxUses)
	}
	r.DecidedBy, r.DecidedAt, r.Status = c.Who.ID, stamp.Of(c.Now), Denied
	if approve {
		r.Status, r.UsesLeft, r.ExpiresAt = Approved, r.MaxUses, r.DecidedAt.Add(r.ValidFor)
	}
	return nil
}

// WhyUndecided says why a decision of a request could not be stored: it does not wait any
// more, its policy or the requester's credentials are not those of before, or who decided
// may not decide.
func WhyUndecided(waits, samePolicy, sameRequester bool) error {
	switch {
	case !waits:
		return ErrDecided
	case !samePolicy || !sameRequester:
		return ErrChanged
	}
	return errNoDecider
}

// Withdraw takes a request back, or what is left of an approval. The requester
// may, and the human behind it; for everybody else it is a decision.
func (s *Service) Withdraw(ctx context.Context, c *call.Call, id string) (Request, error) {
	if err := enter(c, policy.WithdrawApproval, id); err != nil {
		return Request{}, err
	}
	r, err := s.found(ctx, c, id)
	if err != nil {
		return Request{}, err
	}
	own := r.Kind == c.Who.Kind && r.Principal == c.Who.ID || c.Who.Kind == policy.KindUser && r.Human == c.Who.ID
	if !own {
		if err := s.mayDecide(ctx, c, &r); err != nil {
			return Request{}, err
		}
		if err := c.RequirePerson(); err != nil {
			return Request{}, err
		}
	}
	r.Status, r.UsesLeft = Withdrawn, 0
	r.WithdrawnBy, r.WithdrawnAt = c.Who.ID, stamp.Of(c.Now)
	c.Event.Details.Outcome = audit.Success
	return r, s.cfg.Store.WithdrawApproval(ctx, r, c.Event)
}

// enter asks whether the caller may decide about requests at all.
func enter(c *call.Call, a policy.Action, id string) error {
	c.Touch("approval", id)
	return c.Authorize(a, c.Own())
}

// found is a request that the caller can see, named in the call's event.
func (s *Service) found(ctx context.Context, c *call.Call, id string) (Request, error) {
	r, err := s.cfg.Store.Approval(ctx, seen(c), id)
	if err == nil && !visible(c, &r) {
		err = ErrNotFound
	}
	if err != nil {
		return Request{}, err
	}
	c.Event.Details.Vault, c.Event.Details.Path = r.Vault, r.Path
	c.Event.Details.Target = string(r.Kind) + ":" + r.Principal
	return r, nil
}

// mayDecide returns nil for who may grant the access for good: it may approve it
// once, and take that back.
func (s *Service) mayDecide(ctx context.Context, c *call.Call, r *Request) error {
	v, err := s.cfg.Store.ApprovalVault(ctx, r.Vault)
	if err != nil {
		return err
	}
	return c.Authorize(policy.CreatePolicy, policy.Resource{Org: v.Org, Vault: &v})
}
