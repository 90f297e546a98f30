package sharing

import (
	"context"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// maxListed bounds a list: the newest come first.
const maxListed = 1000

// Outbound returns what the caller has shared and not revoked, newest first: a
// user what its agents have, too.
func (s *Service) Outbound(ctx context.Context, c *call.Call) ([]Share, error) {
	return s.list(ctx, c, func() ([]Share, error) {
		return s.cfg.Store.SharesBy(ctx, c.Who.Org, c.Who.ID, maxListed)
	})
}

// Inbound returns what was shared with the caller by name, newest first. Shares
// to its confirmed mail address are claimed on the way.
func (s *Service) Inbound(ctx context.Context, c *call.Call) ([]Share, error) {
	return s.list(ctx, c, func() ([]Share, error) {
		email, err := s.confirmed(ctx, c)
		if err == nil && email != "" {
			err = s.cfg.Store.ClaimShares(ctx, c.Who.ID, email, c.Now)
		}
		if err != nil {
			return nil, err
		}
		return s.cfg.Store.SharesFor(ctx, c.Who.Org, c.Who.ID, maxListed)
	})
}

func (s *Service) list(ctx context.Context, c *call.Call, rows func() ([]Share, error)) ([]Share, error) {
	c.Touch("share", "")
	if err := c.Authorize(policy.ListShares, c.Own()); err != nil {
		return nil, err
	}
	all, err := rows()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(sh Share) bool { return !sh.visible(c) })
	for i := range all {
		if err := s.recall(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// visible reports whether the cap of the caller's credential leaves the path in
// sight.
func (s *Share) visible(c *call.Call) bool {
	p, err := secretpath.Parse(s.Path)
	own := &policy.Vault{ID: s.Vault, Org: c.Who.Org, CreatedBy: c.Who.ID, CreatedByKind: c.Who.Kind}
	r := policy.Resource{Org: c.Who.Org, Vault: own, Path: p}
	return err == nil && policy.Decide(c.Who, policy.DescribeSecret, r, c.At()).Allow
}

// Get returns one share, without its value, to who made it or is to have it.
func (s *Service) Get(ctx context.Context, c *call.Call, id string) (Share, error) {
	c.Touch("share", "")
	if err := c.Authorize(policy.ListShares, c.Own()); err != nil {
		return Share{}, err
	}
	sh, err := s.cfg.Store.ShareRow(ctx, id, hashed(id))
	if err != nil {
		return Share{}, err
	}
	if sh.Org != c.Who.Org || !sh.madeBy(&c.Who) {
		if err := s.received(ctx, c, &sh); err != nil {
			return Share{}, err
		}
	}
	if !sh.RevokedAt.IsZero() {
		return Share{}, ErrNoShare
	}
	c.Touch("share", sh.ID)
	if !sh.visible(c) {
		return Share{}, fault.New(fault.Denied, "access_denied", "The credential's scopes do not cover this. Use one with wider scopes.")
	}
	return sh, s.recall(ctx, &sh)
}
