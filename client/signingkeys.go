package client

import (
	"context"
	"net/http"
	"time"
)

// EVM is the chain of signing keys: the account is good on every EVM chain.
const EVM = "ethereum"

// SigningKey is a key in the keystore that signs for an agent and never leaves it.
type SigningKey struct {
	ID         string     `json:"id"`
	AgentID    string     `json:"agent_id"`
	Chain      string     `json:"chain"`
	Curve      string     `json:"curve"`
	PublicKey  string     `json:"public_key"` // 65 bytes, uncompressed (SEC 1)
	Address    string     `json:"address"`
	KeyVersion int64      `json:"key_version"`
	IsActive   bool       `json:"is_active"`
	CreatedAt  time.Time  `json:"created_at"`
	RotatedAt  *time.Time `json:"rotated_at,omitempty"`
}

// CreateSigningKey makes a key for an agent.
func (c *Client) CreateSigningKey(ctx context.Context, agent, chain string) (*SigningKey, error) {
	out := new(SigningKey)
	return got(out, c.write(ctx, http.MethodPost, map[string]string{"chain": chain}, out, "agents", agent, "signing-keys"))
}

// SigningKeys lists an agent's keys, the newest first.
func (c *Client) SigningKeys(ctx context.Context, agent string) ([]SigningKey, error) {
	var out struct {
		Keys []SigningKey `json:"keys"`
	}
	err := c.read(ctx, &out, "agents", agent, "signing-keys")
	return out.Keys, err
}

// ImportSigningKey puts a key that was made elsewhere, in hexadecimal, into the keystore.
// The caller wipes it.
func (c *Client) ImportSigningKey(ctx context.Context, agent, chain string, key Value) (*SigningKey, error) {
	p, err := route("agents", agent, "signing-keys", chain, "import")
	if err != nil {
		return nil, err
	}
	const before, after = `{"private_key":"`, `","format":"hex"}`
	text := make([]byte, 0, len(before)+quotedLen(key.Reveal())+len(after)) // one that grows would leave copies
	body := &payload{text: append(appendQuoted(append(text, before...), key.Reveal()), after...)}
	defer body.wipe()
	out := new(SigningKey)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: body}, out))
}

// RotateSigningKey gives an agent another key and account; version, where not 0, is one of
// before that is used again.
func (c *Client) RotateSigningKey(ctx context.Context, agent, chain string, version int64) (*SigningKey, error) {
	body := map[string]int64{}
	if version != 0 {
		body["key_version"] = version
	}
	out := new(SigningKey)
	return got(out, c.write(ctx, http.MethodPost, body, out, "agents", agent, "signing-keys", chain, "rotate"))
}

// DeleteSigningKey takes an agent's key out of use. It stays in the keystore.
func (c *Client) DeleteSigningKey(ctx context.Context, agent, chain string) error {
	return c.remove(ctx, "agents", agent, "signing-keys", chain)
}
