package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// SecretRequest is a secret that an agent lacks and asked people for. Status is "waiting",
// "filled", "declined", "withdrawn", "expired", or "ended" when its agent is stopped or gone,
// has another key or reaches the path no more. No value is ever in it.
type SecretRequest struct {
	ID        string     `json:"id"`
	VaultID   string     `json:"vault_id"`
	VaultName string     `json:"vault_name,omitempty"`
	Path      string     `json:"path"`
	AgentID   string     `json:"agent_id"`
	AgentName string     `json:"agent_name"`
	Reason    string     `json:"reason"`            // in the agent's words, which nobody has checked
	Service   string     `json:"service,omitempty"` // where the agent would use it
	Host      string     `json:"host,omitempty"`
	Status    string     `json:"status"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	DecidedBy string     `json:"decided_by,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
	EndedBy   string     `json:"ended_by,omitempty"`
	Answer    string     `json:"answer,omitempty"`  // why it was declined
	Version   uint64     `json:"version,omitempty"` // once it is filled
	URL       string     `json:"url"`               // the page where a person gives the value
	MayRead   *bool      `json:"may_read,omitempty"`
	MayUse    *bool      `json:"may_use,omitempty"`
}

// SecretAsk says what an agent lacks.
type SecretAsk struct {
	VaultID          string `json:"vault_id"`
	Path             string `json:"path"`
	Reason           string `json:"reason"`
	Service          string `json:"service,omitempty"`
	Host             string `json:"host,omitempty"`
	ExpiresInSeconds int64  `json:"expires_in_seconds,omitempty"`
}

// SecretGiven is what goes with the value that fills a request.
type SecretGiven struct {
	Type       string    // empty: the stored type, or generic
	NewVersion bool      // also where there is a secret at the path
	Bindings   []Binding // added to where it may be used
}

const secretRequests = "secret-requests"

// RequestSecret asks people for a secret, as an agent. While a request for the same path
// waits, that one is returned.
func (c *Client) RequestSecret(ctx context.Context, ask SecretAsk) (*SecretRequest, error) {
	out := new(SecretRequest)
	return got(out, c.write(ctx, http.MethodPost, ask, out, secretRequests))
}

// SecretRequests lists what the caller asked for or may give, newest first; of one status, or
// of all when it is empty.
func (c *Client) SecretRequests(ctx context.Context, status string) ([]SecretRequest, error) {
	var out struct {
		Requests []SecretRequest `json:"requests"`
	}
	q := url.Values{}
	if status != "" {
		q.Set("status", status)
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/" + secretRequests, query: q, repeatable: true}, &out)
	return out.Requests, err
}

// SecretRequest returns one request.
func (c *Client) SecretRequest(ctx context.Context, id string) (*SecretRequest, error) {
	out := new(SecretRequest)
	return got(out, c.read(ctx, out, secretRequests, id))
}

// FillSecretRequest gives what is asked for. It takes a human's login or key, and the right to
// write the path.
func (c *Client) FillSecretRequest(ctx context.Context, id string, value Value, g SecretGiven) (*SecretRequest, error) {
	if !utf8.Valid(value.Reveal()) {
		return nil, refuse(CodeInvalidValue, "The value is not UTF-8 text; encode it first, with base64 for example.")
	}
	p, err := route(secretRequests, id, "fill")
	if err != nil {
		return nil, err
	}
	list := slices.Clone(g.Bindings)
	for i := range list {
		list[i].SetBy = ""
	}
	rest, err := encode(struct {
		Type       string    `json:"type,omitempty"`
		NewVersion bool      `json:"new_version,omitempty"`
		Bindings   []Binding `json:"bindings,omitempty"`
	}{g.Type, g.NewVersion, list})
	if err != nil {
		return nil, err
	}
	body := &payload{text: withValue(rest, value)}
	defer body.wipe()
	out := new(SecretRequest)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: body}, out))
}

// DeclineSecretRequest says no, with a line for the agent.
func (c *Client) DeclineSecretRequest(ctx context.Context, id, reason string) (*SecretRequest, error) {
	body := map[string]string{}
	if reason != "" {
		body["reason"] = reason
	}
	out := new(SecretRequest)
	return got(out, c.write(ctx, http.MethodPost, body, out, secretRequests, id, "decline"))
}

// WithdrawSecretRequest takes a request back, as the agent.
func (c *Client) WithdrawSecretRequest(ctx context.Context, id string) (*SecretRequest, error) {
	out := new(SecretRequest)
	return got(out, c.write(ctx, http.MethodPost, struct{}{}, out, secretRequests, id, "withdraw"))
}
