package client

import (
	"context"
	"net/http"
)

// Health says whether the server can serve.
type Health struct {
	Status  string `json:"status"`
	Service string `json:"service"`
	Version string `json:"version"`
}

// HSMHealth says which keystore runs and whether it answers.
type HSMHealth struct {
	Status      string `json:"status"`
	HSMProvider string `json:"hsm_provider"`
	Connected   bool   `json:"connected"`
}

// Health asks without credential. A server that is degraded answers with an error
// whose Code is the reason.
func (c *Client) Health(ctx context.Context) (*Health, error) {
	out := new(Health)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/health", public: true, repeatable: true}, out))
}

// HSMHealth asks without credential.
func (c *Client) HSMHealth(ctx context.Context) (*HSMHealth, error) {
	out := new(HSMHealth)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/health/hsm", public: true, repeatable: true}, out))
}
