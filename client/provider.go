package client

import (
	"context"
	"net/http"
)

// LoginWithIDToken exchanges an ID token of the identity provider that the server
// is set up with, Google or another. A nonce that is not empty must be the
// token's. A token logs in once.
func (c *Client) LoginWithIDToken(ctx context.Context, idToken Value, nonce string) (*Login, error) {
	body := map[string]string{"id_token": string(idToken.Reveal())}
	if nonce != "" {
		body["nonce"] = nonce
	}
	out := new(Login)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/google", public: true, body: body}, out))
}

// ExchangeWorkloadToken gets a token for an agent with auth_method
// oidc_client_credentials, for a token of the agent's own issuer: of a GitHub
// workflow, or a Kubernetes service account. agentID may be empty where one agent
// alone has that issuer and client.
func (c *Client) ExchangeWorkloadToken(ctx context.Context, token Value, agentID string) (*AgentToken, error) {
	body := map[string]string{"jwt": string(token.Reveal())}
	if agentID != "" {
		body["agent_id"] = agentID
	}
	out := new(AgentToken)
	err := c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/agent-token", public: true, repeatable: true, body: body}, out)
	if err == nil && out.AccessToken.Len() == 0 {
		err = badReply("The server answered the token without one of its own.")
	}
	return got(out, err)
}
