package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Approval is a use of a secret that a human was asked to approve. Status is
// "pending", "approved", "denied", "expired", "withdrawn", or "ended" when what it
// rests on has changed or gone.
type Approval struct {
	ID             string     `json:"id"`
	VaultID        string     `json:"vault_id"`
	SecretPath     string     `json:"secret_path"`
	Operation      string     `json:"operation"`
	RequesterID    string     `json:"requester_id"`
	RequesterType  string     `json:"requester_type"`
	PolicyID       string     `json:"policy_id,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	Status         string     `json:"status"`
	ValidSeconds   int64      `json:"valid_seconds"`
	MaxUses        int        `json:"max_uses"`
	UsesLeft       int        `json:"uses_left"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      time.Time  `json:"expires_at"`
	DecidedBy      string     `json:"decided_by,omitempty"`
	DecidedAt      *time.Time `json:"decided_at,omitempty"`
	DecisionReason string     `json:"decision_reason,omitempty"`
	WithdrawnBy    string     `json:"withdrawn_by,omitempty"`
	WithdrawnAt    *time.Time `json:"withdrawn_at,omitempty"`
	OrgID          string     `json:"org_id,omitempty"`
	UserID         string     `json:"user_id,omitempty"` // the human behind who asked
	AgentID        string     `json:"agent_id,omitempty"`
	Action         string     `json:"action,omitempty"` // "secret.read" and so on
	TargetType     string     `json:"target_type,omitempty"`
	TargetID       string     `json:"target_id,omitempty"` // the vault's id and the path: VAULT_ID/PATH
	RiskTier       string     `json:"risk_tier,omitempty"` // "medium" or "high", by the operation
}

// ApprovalAsk says what is asked for. Operation is "read", "write" or "delete";
// empty is "read".
type ApprovalAsk struct {
	VaultID    string `json:"vault_id"`
	SecretPath string `json:"secret_path"`
	Operation  string `json:"operation,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// RequestApproval asks for a use to be approved before it is tried. The approval
// grants nothing by itself: a policy must allow the use.
func (c *Client) RequestApproval(ctx context.Context, ask ApprovalAsk) (*Approval, error) {
	out := new(Approval)
	return got(out, c.write(ctx, http.MethodPost, ask, out, "approvals"))
}

// Approvals lists what the caller asked for or may decide, newest first; of one
// status, or of all when it is empty.
func (c *Client) Approvals(ctx context.Context, status string) ([]Approval, error) {
	var out struct {
		Approvals []Approval `json:"approvals"`
	}
	q := url.Values{}
	if status != "" {
		q.Set("status", status)
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/approvals", query: q, repeatable: true}, &out)
	return out.Approvals, err
}

// Approval returns one request.
func (c *Client) Approval(ctx context.Context, id string) (*Approval, error) {
	out := new(Approval)
	return got(out, c.read(ctx, out, "approvals", id))
}

// Approve lets the use happen. It takes a login: an API key can't decide.
func (c *Client) Approve(ctx context.Context, id, reason string) (*Approval, error) {
	return c.decide(ctx, id, "approve", reason)
}

// Deny refuses the use.
func (c *Client) Deny(ctx context.Context, id, reason string) (*Approval, error) {
	return c.decide(ctx, id, "deny", reason)
}

// Withdraw takes a request back, or what is left of an approval. Who asked may,
// and who may decide about it.
func (c *Client) Withdraw(ctx context.Context, id string) (*Approval, error) {
	return c.decide(ctx, id, "withdraw", "")
}

func (c *Client) decide(ctx context.Context, id, verb, reason string) (*Approval, error) {
	body := map[string]string{}
	if reason != "" {
		body["reason"] = reason
	}
	out := new(Approval)
	return got(out, c.write(ctx, http.MethodPost, body, out, "approvals", id, verb))
}
