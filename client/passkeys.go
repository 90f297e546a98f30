package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Passkey is an authenticator that the human signs in with.
type Passkey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	AAGUID     string     `json:"aaguid"`
	Transports []string   `json:"transports"`
	Synced     bool       `json:"synced"` // it may be on several devices
	BackedUp   bool       `json:"backed_up"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// PasskeyAsked is what a browser hands to an authenticator. Token goes back with the answer.
type PasskeyAsked struct {
	Token     Value           `json:"token"`
	Options   json.RawMessage `json:"options"`
	ExpiresIn int64           `json:"expires_in"`
}

// BeginPasskey asks for a passkey of the logged-in human. It takes a person.
func (c *Client) BeginPasskey(ctx context.Context) (*PasskeyAsked, error) {
	out := new(PasskeyAsked)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/passkeys/begin"}, out))
}

// AddPasskey adds what an authenticator made; credential is what the browser's toJSON says.
func (c *Client) AddPasskey(ctx context.Context, token Value, name string, credential json.RawMessage) (*Passkey, error) {
	out := new(Passkey)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/passkeys",
		body: map[string]any{"token": string(token.Reveal()), "name": name, "credential": credential}}, out))
}

// Passkeys returns those of the logged-in human, oldest first.
func (c *Client) Passkeys(ctx context.Context) ([]Passkey, error) {
	var out struct {
		Passkeys []Passkey `json:"passkeys"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/auth/passkeys", repeatable: true}, &out)
	return out.Passkeys, err
}

// RenamePasskey gives a passkey another name.
func (c *Client) RenamePasskey(ctx context.Context, id, name string) error {
	return c.call(ctx, request{method: http.MethodPatch, path: "/v1/auth/passkeys/" + url.PathEscape(id), body: map[string]string{"name": name}}, nil)
}

// RemovePasskey removes a passkey with the logins that it began, and unless keep is set with what
// was made in those. It says what ended, such as "sessions=1". It takes a person.
func (c *Client) RemovePasskey(ctx context.Context, id string, keep bool) (ended string, err error) {
	return c.end(ctx, request{method: http.MethodDelete, repeatable: true}, nil, keep, "auth", "passkeys", id)
}

// BeginPasskeyLogin asks whoever is there for a passkey.
func (c *Client) BeginPasskeyLogin(ctx context.Context) (*PasskeyAsked, error) {
	out := new(PasskeyAsked)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/passkey-login/begin", public: true}, out))
}

// PasskeyLogin logs in with a passkey's answer.
func (c *Client) PasskeyLogin(ctx context.Context, token Value, credential json.RawMessage) (*Token, error) {
	out := new(Token)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/passkey-login", public: true,
		body: map[string]any{"token": string(token.Reveal()), "credential": credential}}, out))
}
