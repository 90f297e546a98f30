package client

import (
	"context"
	"net/http"
	"time"
)

// RouterKey is a key that calls models for an agent through Shroud, and does nothing else.
type RouterKey struct {
	ID         string     `json:"id"`
	AgentID    string     `json:"agent_id"`
	Name       string     `json:"name"`
	KeyPrefix  string     `json:"key_prefix"`
	IsActive   bool       `json:"is_active"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// NewRouterKey is a router key that was just made. Wipe Secret when done.
type NewRouterKey struct {
	Key    RouterKey `json:"key"`
	Secret Value     `json:"api_key"`
}

// CreateRouterKey makes a router key of an agent. expires may be nil.
func (c *Client) CreateRouterKey(ctx context.Context, agent, name string, expires *time.Time) (*NewRouterKey, error) {
	out := new(NewRouterKey)
	return got(out, c.write(ctx, http.MethodPost, struct {
		Name      string     `json:"name"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{name, expires}, out, "agents", agent, "router-keys"))
}

// RouterKeys lists an agent's router keys, oldest first, revoked ones too.
func (c *Client) RouterKeys(ctx context.Context, agent string) ([]RouterKey, error) {
	var out struct {
		Keys []RouterKey `json:"keys"`
	}
	err := c.read(ctx, &out, "agents", agent, "router-keys")
	return out.Keys, err
}

// RevokeRouterKey ends a router key.
func (c *Client) RevokeRouterKey(ctx context.Context, agent, id string) error {
	return c.remove(ctx, "agents", agent, "router-keys", id)
}
