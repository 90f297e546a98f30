package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// IPRule lets a network in or keeps it out. RuleType is "allow" or "deny",
// AppliesTo "all", "user" or "agent".
type IPRule struct {
	ID        string    `json:"id"`
	OrgID     string    `json:"org_id"`
	RuleType  string    `json:"rule_type"`
	CIDR      string    `json:"cidr"`
	Label     string    `json:"label"`
	AppliesTo string    `json:"applies_to"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

// IPRuleCreate is a rule to add. An empty AppliesTo is "all". Force adds it though
// it keeps out the address that the caller asks from.
type IPRuleCreate struct {
	RuleType  string `json:"rule_type"`
	CIDR      string `json:"cidr"`
	Label     string `json:"label,omitempty"`
	AppliesTo string `json:"applies_to,omitempty"`
	Force     bool   `json:"force,omitempty"`
}

// IPRules lists the IP rules of the caller's organisation, oldest first.
func (c *Client) IPRules(ctx context.Context) ([]IPRule, error) {
	var out struct {
		Rules []IPRule `json:"rules"`
	}
	err := c.read(ctx, &out, "security", "ip-rules")
	return out.Rules, err
}

// CreateIPRule adds a rule, which counts at once.
func (c *Client) CreateIPRule(ctx context.Context, r IPRuleCreate) (*IPRule, error) {
	out := new(IPRule)
	return got(out, c.write(ctx, http.MethodPost, r, out, "security", "ip-rules"))
}

// DeleteIPRule deletes a rule; with force also when that keeps out the address
// that the caller asks from.
func (c *Client) DeleteIPRule(ctx context.Context, id string, force bool) error {
	p, err := route("security", "ip-rules", id)
	if err != nil {
		return err
	}
	q := url.Values{}
	if force {
		q.Set("force", "true")
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, query: q, repeatable: true}, nil)
}
