package client

import (
	"context"
	"net/http"
	"time"
)

// What is in this file takes a platform admin.

// Setting is one thing that is set for the whole server.
type Setting struct {
	Key       string    `json:"key"`
	Value     string    `json:"value"`
	UpdatedBy string    `json:"updated_by"`
	UpdatedAt time.Time `json:"updated_at"`
}

// X402 is how requests can be paid for one by one.
type X402 struct {
	PayTo          string `json:"pay_to"`
	Network        string `json:"network"`
	Scheme         string `json:"scheme"`
	FreeTierLimit  int64  `json:"free_tier_limit"`
	FacilitatorURL string `json:"facilitator_url"`
}

// X402Change is what to change of it: what is nil stays.
type X402Change struct {
	PayTo          *string `json:"pay_to,omitempty"`
	Network        *string `json:"network,omitempty"`
	Scheme         *string `json:"scheme,omitempty"`
	FreeTierLimit  *int64  `json:"free_tier_limit,omitempty"`
	FacilitatorURL *string `json:"facilitator_url,omitempty"`
}

// Account is a user as those who run the server see it.
type Account struct {
	ID              string    `json:"id"`
	Email           string    `json:"email"`
	DisplayName     string    `json:"display_name"`
	AuthMethod      string    `json:"auth_method"`
	OrgID           string    `json:"org_id"`
	Role            string    `json:"role"`
	EmailVerified   bool      `json:"email_verified"`
	IsPlatformAdmin bool      `json:"is_platform_admin"`
	CreatedAt       time.Time `json:"created_at"`
}

// OrgLimits are the limits of one organisation beside its tier. FreeTierOverride
// nil: the tier's own.
type OrgLimits struct {
	OrgID            string `json:"org_id"`
	FreeTierOverride *int64 `json:"free_tier_override"`
	IsSponsored      bool   `json:"is_sponsored"`
}

// OrgTier is the tier of an organisation until PeriodEnd.
type OrgTier struct {
	OrgID     string    `json:"org_id"`
	Tier      string    `json:"tier"`
	PeriodEnd time.Time `json:"period_end"`
}

// CreditGrant is credit to give. Days 0 is the server's choice.
type CreditGrant struct {
	AmountCents int64  `json:"amount_cents"`
	Description string `json:"description,omitempty"`
	Days        int    `json:"expires_in_days,omitempty"`
}

// Settings lists what is set for the whole server.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	var out struct {
		Settings []Setting `json:"settings"`
	}
	err := c.read(ctx, &out, "admin", "settings")
	return out.Settings, err
}

// PutSetting sets something for the whole server.
func (c *Client) PutSetting(ctx context.Context, key, value string) (*Setting, error) {
	out := new(Setting)
	return got(out, c.write(ctx, http.MethodPut, map[string]string{"value": value}, out, "admin", "settings", key))
}

// DeleteSetting takes a setting back.
func (c *Client) DeleteSetting(ctx context.Context, key string) error {
	return c.remove(ctx, "admin", "settings", key)
}

// X402 tells how requests can be paid for one by one.
func (c *Client) X402(ctx context.Context) (*X402, error) {
	out := new(X402)
	return got(out, c.read(ctx, out, "admin", "x402"))
}

// SetX402 changes it.
func (c *Client) SetX402(ctx context.Context, u X402Change) (*X402, error) {
	out := new(X402)
	return got(out, c.write(ctx, http.MethodPut, u, out, "admin", "x402"))
}

// Accounts lists users of all organisations, and tells how many there are. limit
// 0 is the server's choice.
func (c *Client) Accounts(ctx context.Context, limit, offset int) ([]Account, int64, error) {
	var out struct {
		Users []Account `json:"users"`
		Total int64     `json:"total"`
	}
	err := c.list(ctx, &out, map[string]int{"limit": limit, "offset": offset}, "admin", "users")
	return out.Users, out.Total, err
}

// OrgLimits tells the limits of an organisation.
func (c *Client) OrgLimits(ctx context.Context, org string) (*OrgLimits, error) {
	out := new(OrgLimits)
	return got(out, c.read(ctx, out, "admin", "orgs", org, "limits"))
}

// SetOrgLimits sets how many requests a month cost nothing (nil: as the tier says),
// and whether those beyond do (nil: as before).
func (c *Client) SetOrgLimits(ctx context.Context, org string, override *int64, sponsored *bool) (*OrgLimits, error) {
	body := struct {
		Override  *int64 `json:"free_tier_override"`
		Sponsored *bool  `json:"is_sponsored,omitempty"`
	}{override, sponsored}
	out := new(OrgLimits)
	return got(out, c.write(ctx, http.MethodPut, body, out, "admin", "orgs", org, "limits"))
}

// SetTier puts an organisation on a tier for days; 0 is the server's choice.
func (c *Client) SetTier(ctx context.Context, org, tier string, days int) (*OrgTier, error) {
	body := struct {
		Tier string `json:"tier"`
		Days int    `json:"duration_days,omitempty"`
	}{tier, days}
	out := new(OrgTier)
	return got(out, c.write(ctx, http.MethodPut, body, out, "admin", "orgs", org, "billing-tier"))
}

// GrantCredits gives an organisation credits.
func (c *Client) GrantCredits(ctx context.Context, org string, g CreditGrant) (*CreditTransaction, error) {
	out := new(CreditTransaction)
	return got(out, c.write(ctx, http.MethodPost, g, out, "admin", "orgs", org, "credits"))
}
