package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Policy grants a principal permissions on the paths of a vault that match a
// pattern: * within a segment, ** for any number of segments.
type Policy struct {
	ID                string          `json:"id"`
	VaultID           string          `json:"vault_id"`
	SecretPathPattern string          `json:"secret_path_pattern"`
	PrincipalType     string          `json:"principal_type"`
	PrincipalID       string          `json:"principal_id"`
	Permissions       []string        `json:"permissions"`
	Conditions        json.RawMessage `json:"conditions,omitempty"`
	ExpiresAt         *time.Time      `json:"expires_at,omitempty"`
	CreatedBy         string          `json:"created_by"`
	CreatedByType     string          `json:"created_by_type"`
	CreatedAt         time.Time       `json:"created_at"`
	Warnings          []string        `json:"warnings,omitempty"` // of a change: approvals that are asked for no more
}

// Conditions narrow a policy. The zero value is no condition.
type Conditions struct {
	IPAllowlist []string    `json:"ip_allowlist,omitempty"` // CIDRs
	TimeWindow  *TimeWindow `json:"time_window,omitempty"`
	// RequireApproval asks that a human approves each use.
	RequireApproval *ApprovalTerms `json:"require_approval,omitempty"`
}

// ApprovalTerms say how long an approval can be used and how often. Zero fields
// are the server's defaults: 900 seconds, once.
type ApprovalTerms struct {
	ValidSeconds int64 `json:"valid_seconds,omitempty"`
	MaxUses      int   `json:"max_uses,omitempty"`
}

// TimeWindow is a part of each day; After and Before are "HH:MM".
type TimeWindow struct {
	After    string `json:"after"`
	Before   string `json:"before"`
	Timezone string `json:"timezone,omitempty"`
}

// PolicyGrant says what CreatePolicy grants. PrincipalType is "user" or "agent";
// Permissions are "read", "write" and "delete".
type PolicyGrant struct {
	SecretPathPattern string      `json:"secret_path_pattern"`
	PrincipalType     string      `json:"principal_type"`
	PrincipalID       string      `json:"principal_id"`
	Permissions       []string    `json:"permissions"`
	Conditions        *Conditions `json:"conditions,omitempty"`
	ExpiresAt         *time.Time  `json:"expires_at,omitempty"`
}

// PolicyUpdate changes what is set of a policy. Its pattern and principal stay.
type PolicyUpdate struct {
	Permissions []string    `json:"permissions,omitempty"`
	Conditions  *Conditions `json:"conditions,omitempty"`
	ExpiresAt   *time.Time  `json:"expires_at,omitempty"`
	Never       bool        `json:"-"` // it is not to end, whatever ExpiresAt says
}

// MarshalJSON says null for a policy that is not to end.
func (u PolicyUpdate) MarshalJSON() ([]byte, error) {
	type plain PolicyUpdate
	if !u.Never {
		return json.Marshal(plain(u))
	}
	u.ExpiresAt = nil
	return json.Marshal(struct {
		plain
		ExpiresAt *time.Time `json:"expires_at"`
	}{plain(u), nil})
}

// CreatePolicy grants access.
func (c *Client) CreatePolicy(ctx context.Context, vault string, g PolicyGrant) (*Policy, error) {
	out := new(Policy)
	return got(out, c.write(ctx, http.MethodPost, g, out, "vaults", vault, "policies"))
}

// Policies lists the policies of a vault.
func (c *Client) Policies(ctx context.Context, vault string) ([]Policy, error) {
	var out struct {
		Policies []Policy `json:"policies"`
	}
	err := c.read(ctx, &out, "vaults", vault, "policies")
	return out.Policies, err
}

// UpdatePolicy changes a policy.
func (c *Client) UpdatePolicy(ctx context.Context, vault, id string, u PolicyUpdate) (*Policy, error) {
	out := new(Policy)
	return got(out, c.write(ctx, http.MethodPut, u, out, "vaults", vault, "policies", id))
}

// DeletePolicy takes the grant back.
func (c *Client) DeletePolicy(ctx context.Context, vault, id string) error {
	return c.remove(ctx, "vaults", vault, "policies", id)
}
