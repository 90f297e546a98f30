package sharing

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Accept makes a share that is for the caller readable. To accept twice is fine.
func (s *Service) Accept(ctx context.Context, c *call.Call, id string) error {
	sh, err := s.mine(ctx, c, id, policy.AcceptShare)
	if err != nil {
		return err
	}
	if !sh.DeclinedAt.IsZero() {
		return errDeclined
	}
	if sh.Expired(c.Now) {
		return ErrNoShare
	}
	done(c, "recipient")
	return s.cfg.Store.AcceptShare(ctx, sh.Org, sh.ID, c.Now, c.Event)
}

// Decline refuses a share for good, also one that was accepted.
func (s *Service) Decline(ctx context.Context, c *call.Call, id string) error {
	sh, err := s.mine(ctx, c, id, policy.DeclineShare)
	if err != nil {
		return err
	}
	done(c, "recipient")
	return s.cfg.Store.DeclineShare(ctx, sh.Org, sh.ID, c.Now, c.Event)
}

// mine finds a share that is for the caller.
func (s *Service) mine(ctx context.Context, c *call.Call, id string, a policy.Action) (Share, error) {
	c.Touch("share", "")
	if err := c.Authorize(a, c.Own()); err != nil {
		return Share{}, err
	}
	sh, err := s.find(ctx, id)
	if err != nil {
		return Share{}, err
	}
	if err := s.received(ctx, c, &sh); err != nil {
		return Share{}, err
	}
	if !sh.RevokedAt.IsZero() {
		return Share{}, ErrNoShare
	}
	s.enter(c, &sh)
	return sh, nil
}

// Revoke ends a share at once. Its maker may, the human whose agent made it, and
// the organisation's owners and admins, who find its id in the log.
func (s *Service) Revoke(ctx context.Context, c *call.Call, id string) error {
	c.Touch("share", "")
	if err := c.Authorize(policy.RevokeShare, c.Own()); err != nil {
		return err
	}
	sh, err := s.cfg.Store.ShareRow(ctx, id, hashed(id))
	if err != nil {
		return err
	}
	switch {
	case sh.Org != c.Who.Org, !sh.RevokedAt.IsZero():
		return ErrNoShare
	case !sh.madeBy(&c.Who) && !c.Who.Manages():
		c.Touch("share", sh.ID)
		return fault.New(fault.Denied, "share_not_yours", "Only its maker, owners and admins may revoke a share. To be rid of one that you were given, decline it.")
	}
	s.enter(c, &sh)
	if done(c, string(policy.ReasonRole)); sh.madeBy(&c.Who) {
		done(c, string(policy.ReasonCreator))
	}
	return s.cfg.Store.RevokeShare(ctx, sh.Org, sh.ID, c.Now, c.Event)
}

// madeBy reports whether who made the share, or is the human whose agent did.
func (s *Share) madeBy(who *policy.Principal) bool {
	return s.MakerKind == who.Kind && s.MakerID == who.ID || who.Kind == policy.KindUser && s.MakerHuman == who.ID
}
