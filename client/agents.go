package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Agent is a program with an identity of its own.
type Agent struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Description       string   `json:"description"`
	AuthMethod        string   `json:"auth_method"`
	Scopes            []string `json:"scopes"`
	IsActive          bool     `json:"is_active"`
	IntentsAPIEnabled bool     `json:"intents_api_enabled"`
	TxToAllowlist     []string `json:"tx_to_allowlist"`
	TxMaxValueETH     string   `json:"tx_max_value_eth,omitempty"`
	TxDailyLimitETH   string   `json:"tx_daily_limit_eth,omitempty"`
	TxAllowedChains   []string `json:"tx_allowed_chains"`
	AgentFields
	TokenTTLSeconds       int64           `json:"token_ttl_seconds,omitempty"`
	VaultIDs              []string        `json:"vault_ids"`
	ClientCertFingerprint string          `json:"client_cert_fingerprint,omitempty"`
	OIDCIssuer            string          `json:"oidc_issuer,omitempty"`
	OIDCClientID          string          `json:"oidc_client_id,omitempty"`
	SSHPublicKey          string          `json:"ssh_public_key,omitempty"`
	ECDHPublicKey         string          `json:"ecdh_public_key,omitempty"`
	ShroudEnabled         bool            `json:"shroud_enabled"`
	ShroudConfig          json.RawMessage `json:"shroud_config,omitempty"`
	CreatedAt             time.Time       `json:"created_at"`
	ExpiresAt             *time.Time      `json:"expires_at,omitempty"`
	LastActiveAt          *time.Time      `json:"last_active_at,omitempty"`
	HasAPIKey             *bool           `json:"has_api_key,omitempty"` // of Agent alone, where AuthMethod is api_key
	Warnings              []string        `json:"warnings,omitempty"`    // of an accepted enrolment: approvals that are asked for no more
}

// AgentFields bound an agent's transactions and signatures beside its other limits.
type AgentFields struct {
	TxApprovalPolicy      json.RawMessage `json:"tx_approval_policy,omitempty"` // when a human is asked
	TxMaxPerDay           *int64          `json:"tx_max_per_day,omitempty"`
	MessageSigningEnabled *bool           `json:"message_signing_enabled,omitempty"`
	EIP712DomainAllowlist json.RawMessage `json:"eip712_domain_allowlist,omitempty"` // a list of objects
	Reveal                string          `json:"reveal,omitempty"`                  // never: it uses secrets, and is shown none; "": allow
	ExecutionEnabled      *bool           `json:"execution_intents_enabled,omitempty"`
	ExecutionGuardrails   json.RawMessage `json:"execution_guardrails,omitempty"` // allowed_hosts, max_duration_ms, max_requests_per_minute
}

// AgentSelf is what an agent sees of itself: with the organisation and the creator,
// without the limits.
type AgentSelf struct {
	ID                string          `json:"id"`
	Name              string          `json:"name"`
	Description       string          `json:"description"`
	OrgID             string          `json:"org_id"`
	Scopes            []string        `json:"scopes"`
	IsActive          bool            `json:"is_active"`
	IntentsAPIEnabled bool            `json:"intents_api_enabled"`
	CreatedBy         string          `json:"created_by"`
	CreatedAt         time.Time       `json:"created_at"`
	ExpiresAt         *time.Time      `json:"expires_at,omitempty"`
	LastActiveAt      *time.Time      `json:"last_active_at,omitempty"`
	SSHPublicKey      string          `json:"ssh_public_key,omitempty"`
	ECDHPublicKey     string          `json:"ecdh_public_key,omitempty"`
	ShroudEnabled     bool            `json:"shroud_enabled"`
	ShroudConfig      json.RawMessage `json:"shroud_config,omitempty"`
}

// AgentCreate describes a new agent. AuthMethod "" means "api_key".
type AgentCreate struct {
	Name                  string     `json:"name"`
	Description           string     `json:"description,omitempty"`
	AuthMethod            string     `json:"auth_method,omitempty"`
	Scopes                []string   `json:"scopes,omitempty"`
	ExpiresAt             *time.Time `json:"expires_at,omitempty"`
	VaultIDs              []string   `json:"vault_ids,omitempty"`
	TokenTTLSeconds       int64      `json:"token_ttl_seconds,omitempty"`
	ClientCertFingerprint string     `json:"client_cert_fingerprint,omitempty"`
	OIDCIssuer            string     `json:"oidc_issuer,omitempty"`
	OIDCClientID          string     `json:"oidc_client_id,omitempty"`
	IntentsAPIEnabled     bool       `json:"intents_api_enabled,omitempty"`
	TxToAllowlist         []string   `json:"tx_to_allowlist,omitempty"`
	TxMaxValueETH         string     `json:"tx_max_value_eth,omitempty"`
	TxDailyLimitETH       string     `json:"tx_daily_limit_eth,omitempty"`
	TxAllowedChains       []string   `json:"tx_allowed_chains,omitempty"`
	AgentFields
	ShroudEnabled bool            `json:"shroud_enabled,omitempty"`
	ShroudConfig  json.RawMessage `json:"shroud_config,omitempty"`
}

// AgentUpdate changes what is set. Clear names JSON fields to send as null, which
// lifts a limit: "expires_at", "token_ttl_seconds", "vault_ids", "scopes", "tx_max_value_eth".
type AgentUpdate struct {
	Name              *string    `json:"name,omitempty"`
	Description       *string    `json:"description,omitempty"`
	Scopes            []string   `json:"scopes,omitempty"`
	IsActive          *bool      `json:"is_active,omitempty"`
	ExpiresAt         *time.Time `json:"expires_at,omitempty"`
	VaultIDs          []string   `json:"vault_ids,omitempty"`
	TokenTTLSeconds   *int64     `json:"token_ttl_seconds,omitempty"`
	CertFingerprint   *string    `json:"client_cert_fingerprint,omitempty"`
	IntentsAPIEnabled *bool      `json:"intents_api_enabled,omitempty"`
	TxToAllowlist     []string   `json:"tx_to_allowlist,omitempty"`
	TxMaxValueETH     *string    `json:"tx_max_value_eth,omitempty"`
	TxDailyLimitETH   *string    `json:"tx_daily_limit_eth,omitempty"`
	TxAllowedChains   []string   `json:"tx_allowed_chains,omitempty"`
	AgentFields
	ShroudEnabled *bool           `json:"shroud_enabled,omitempty"`
	ShroudConfig  json.RawMessage `json:"shroud_config,omitempty"`
	Clear         []string        `json:"-"`
}

// MarshalJSON adds the fields of Clear as null.
func (u AgentUpdate) MarshalJSON() ([]byte, error) {
	type plain AgentUpdate
	b, err := json.Marshal(plain(u))
	if err != nil || len(u.Clear) == 0 {
		return b, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, err
	}
	for _, f := range u.Clear {
		fields[f] = json.RawMessage("null")
	}
	return json.Marshal(fields)
}

// NewAgent is an agent just made. APIKey is shown this once; it is empty for
// agents that log in another way.
type NewAgent struct {
	Agent  Agent `json:"agent"`
	APIKey Value `json:"api_key"`
}

// CreateAgent registers an agent.
func (c *Client) CreateAgent(ctx context.Context, a AgentCreate) (*NewAgent, error) {
	out := new(NewAgent)
	return got(out, c.write(ctx, http.MethodPost, a, out, "agents"))
}

// Agents lists the agents of the organisation.
func (c *Client) Agents(ctx context.Context) ([]Agent, error) {
	var out struct {
		Agents []Agent `json:"agents"`
	}
	err := c.read(ctx, &out, "agents")
	return out.Agents, err
}

// Agent returns one agent.
func (c *Client) Agent(ctx context.Context, id string) (*Agent, error) {
	p, err := route("agents", id)
	if err != nil {
		return nil, err
	}
	out := new(Agent)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: url.Values{"key_state": {"true"}}, repeatable: true}, out))
}

// AgentMe returns the agent that calls. Humans get 403: see Me.
func (c *Client) AgentMe(ctx context.Context) (*AgentSelf, error) {
	out := new(AgentSelf)
	return got(out, c.read(ctx, out, "agents", "me"))
}

// UpdateAgent changes an agent.
func (c *Client) UpdateAgent(ctx context.Context, id string, u AgentUpdate) (*Agent, error) {
	out := new(Agent)
	return got(out, c.write(ctx, http.MethodPatch, u, out, "agents", id))
}

// DeactivateAgent ends an agent: its key and its tokens are refused from then on.
// The shares and policies that it made end too.
func (c *Client) DeactivateAgent(ctx context.Context, id string) error {
	_, err := c.EndAgent(ctx, id, false)
	return err
}

// EndAgent is DeactivateAgent that may keep what the agent made, and says what
// ended, such as "shares=2".
func (c *Client) EndAgent(ctx context.Context, id string, keep bool) (ended string, err error) {
	return c.end(ctx, request{method: http.MethodDelete, repeatable: true}, nil, keep, "agents", id)
}

// RotateAgentKey gives an agent a new key and ends the old one, with the shares and
// policies that the agent made.
func (c *Client) RotateAgentKey(ctx context.Context, id string) (Value, error) {
	key, _, err := c.RenewAgentKey(ctx, id, false)
	return key, err
}

// RenewAgentKey is RotateAgentKey that may keep what the agent made, and says what
// ended, such as "shares=2".
func (c *Client) RenewAgentKey(ctx context.Context, id string, keep bool) (key Value, ended string, err error) {
	var out struct {
		APIKey Value `json:"api_key"`
	}
	ended, err = c.end(ctx, request{method: http.MethodPost}, &out, keep, "agents", id, "rotate-key")
	return out.APIKey, ended, err
}

// end calls what ends a credential, and returns what ended with it.
func (c *Client) end(ctx context.Context, q request, out any, keep bool, parts ...string) (ended string, err error) {
	if q.path, err = route(parts...); err != nil {
		return "", err
	}
	if keep {
		q.query = url.Values{"keep": {"true"}}
	}
	res, err := c.send(ctx, q)
	if err != nil {
		return "", err
	}
	if res.Header != nil {
		ended = res.Header.Get("X-Ended")
	}
	return ended, decoded(res, q, c.base, out)
}
