package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// APIKey is a personal API key, without the key.
type APIKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	KeyPrefix  string     `json:"key_prefix"`
	Scopes     []string   `json:"scopes"`
	IsActive   bool       `json:"is_active"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// NewAPIKey is a key just made. Secret is shown this once.
type NewAPIKey struct {
	Key    APIKey `json:"key"`
	Secret Value  `json:"api_key"`
}

// CreateAPIKey makes a key for the logged-in human. scopes and expires may be nil.
func (c *Client) CreateAPIKey(ctx context.Context, name string, scopes []string, expires *time.Time) (*NewAPIKey, error) {
	out := new(NewAPIKey)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/api-keys", body: struct {
		Name      string     `json:"name"`
		Scopes    []string   `json:"scopes,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{name, scopes, expires}}, out))
}

// APIKeys lists the keys of the logged-in human.
func (c *Client) APIKeys(ctx context.Context) ([]APIKey, error) {
	var out struct {
		Keys []APIKey `json:"keys"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/auth/api-keys", repeatable: true}, &out)
	return out.Keys, err
}

// DeleteAPIKeyAlone revokes a key and keeps what was made with it.
func (c *Client) DeleteAPIKeyAlone(ctx context.Context, id string) error {
	p, err := route("auth", "api-keys", id)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, query: url.Values{"keep": {"true"}}, repeatable: true}, nil)
}

// DeleteAPIKey revokes a key and ends what was made with it: keys, agents, shares,
// policies, invitations and the webhook.
func (c *Client) DeleteAPIKey(ctx context.Context, id string) error {
	return c.remove(ctx, "auth", "api-keys", id)
}

// Made is something that was made with a credential.
type Made struct {
	Kind      string    `json:"kind"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MadeWith  string    `json:"made_with"`
	CreatedAt time.Time `json:"created_at"`
	IsLive    bool      `json:"is_live"`
}

// AllMade is the newest of what was made with a credential, the newest first.
type AllMade struct {
	Made  []Made `json:"made"`
	Total int    `json:"total"` // how many there are
}

// MadeWithAPIKey lists what was made with a key.
func (c *Client) MadeWithAPIKey(ctx context.Context, id string) (AllMade, error) {
	var out AllMade
	err := c.read(ctx, &out, "auth", "api-keys", id, "made")
	return out, err
}

// MadeByAgent lists what an agent made.
func (c *Client) MadeByAgent(ctx context.Context, id string) (AllMade, error) {
	var out AllMade
	err := c.read(ctx, &out, "agents", id, "made")
	return out, err
}

// remove sends DELETE to the route of parts.
func (c *Client) remove(ctx context.Context, parts ...string) error {
	p, err := route(parts...)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, repeatable: true}, nil)
}

// read sends GET to the route of parts.
func (c *Client) read(ctx context.Context, out any, parts ...string) error {
	p, err := route(parts...)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true}, out)
}

// write sends body to the route of parts. It is never sent twice.
func (c *Client) write(ctx context.Context, method string, body, out any, parts ...string) error {
	p, err := route(parts...)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: method, path: p, body: body}, out)
}
