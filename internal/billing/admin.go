package billing

import (
	"context"
	"math"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// OrgLimits is what a platform admin sets for one organisation.
type OrgLimits struct {
	Org       string
	Override  *int64
	Sponsored bool
}

// Limits returns the limits of an organisation.
func (s *Service) Limits(ctx context.Context, c *call.Call, org string) (OrgLimits, error) {
	c.Touch("org", org)
	if err := c.Authorize(policy.ReadLimits, c.Own()); err != nil {
		return OrgLimits{}, err
	}
	return s.limits(ctx, org, c.Now)
}

func (s *Service) limits(ctx context.Context, org string, now time.Time) (OrgLimits, error) {
	if err := s.store.HasOrg(ctx, org); err != nil {
		return OrgLimits{}, err
	}
	name, _ := month(now)
	a, err := s.store.BillingAccount(ctx, org, name, now)
	return OrgLimits{Org: org, Override: a.Override, Sponsored: a.Sponsored}, err
}

// SetLimits sets how many requests a month are free, instead of the tier's (nil:
// the tier's again), and whether those beyond cost anything (nil: as before).
func (s *Service) SetLimits(ctx context.Context, c *call.Call, org string, override *int64, sponsored *bool) (OrgLimits, error) {
	c.Touch("org", org)
	if err := c.Authorize(policy.UpdateLimits, c.Own()); err != nil {
		return OrgLimits{}, err
	}
	if override != nil && (*override < 0 || *override > math.MaxInt32) {
		return OrgLimits{}, invalid("invalid_limit", "free_tier_override is a number of requests, or null for the tier's own.")
	}
	c.Succeed("org", org)
	if err := s.store.SetLimits(ctx, org, override, sponsored, c.Event); err != nil {
		return OrgLimits{}, err
	}
	return s.limits(ctx, org, c.Now)
}

const (
	tierDays    = 365
	maxTierDays = 3650
)

// SetTier puts an organisation on a tier for days; after them it is on the
// server's default again. It returns when that is.
func (s *Service) SetTier(ctx context.Context, c *call.Call, org string, tier Tier, days int) (time.Time, error) {
	c.Touch("org", org)
	if err := c.Authorize(policy.UpdateLimits, c.Own()); err != nil {
		return time.Time{}, err
	}
	if days == 0 {
		days = tierDays
	}
	if _, known := CapsOf(tier); !known || days < 1 || days > maxTierDays {
		return time.Time{}, invalid("invalid_tier", "tier is free, pro, business or enterprise, and duration_days from 1 to 3,650.")
	}
	ends := stamp.Of(c.Now).AddDate(0, 0, days)
	c.Succeed("org", org)
	return ends, s.store.SetTier(ctx, org, tier, ends, c.Event)
}
