package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// routerKeyBody is a key that calls models for an agent through Shroud, and does nothing else.
type routerKeyBody struct {
	ID         string     `json:"id" format:"uuid"`
	AgentID    string     `json:"agent_id" format:"uuid"`
	Name       string     `json:"name"`
	KeyPrefix  string     `json:"key_prefix" doc:"The key's first 21 characters."`
	IsActive   bool       `json:"is_active" doc:"false once it was revoked, has expired, or its agent got another key or stopped."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" nullable:"true"`
	LastUsedAt *time.Time `json:"last_used_at" nullable:"true"`
}

func routerKeyOf(k *identity.RouterKey, live bool) routerKeyBody {
	return routerKeyBody{
		ID: k.ID, AgentID: k.Agent, Name: k.Name, KeyPrefix: k.Prefix, IsActive: live, CreatedAt: k.CreatedAt,
		ExpiresAt: pointer(k.ExpiresAt), LastUsedAt: pointer(k.LastUsedAt),
	}
}

type createdRouterKey struct {
	Key    routerKeyBody `json:"key"`
	APIKey secretValue   `json:"api_key" doc:"The key itself. It is shown this once."`
}

func (k *createdRouterKey) AppendJSON(b []byte) []byte {
	return appendWithKey(b, "key", &k.Key, &k.APIKey)
}

type routerKeyList struct {
	Keys []routerKeyBody `json:"keys"`
}

type routerKeyPath struct {
	agentPath
	KeyID string `path:"router_key_id"`
}

func (a *API) registerRouterKeys() {
	const all, one = "/v1/agents/{agent_id}/router-keys", "/v1/agents/{agent_id}/router-keys/{router_key_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-router-key", tag: "Shroud", status: http.StatusCreated,
		summary: "Make a key with which a stock client calls models for an agent through Shroud", action: policy.CreateRouterKey, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentPath
		Body struct {
			Name      string     `json:"name" minLength:"1" maxLength:"255"`
			ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"true"`
		}
	}) (*body[*createdRouterKey], error) {
		k, key, err := a.agents.CreateRouterKey(ctx, c, in.AgentID, in.Body.Name, end(in.Body.ExpiresAt))
		return answer(&createdRouterKey{Key: routerKeyOf(&k, true), APIKey: secretValue{key}}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-router-keys", tag: "Shroud",
		summary: "List an agent's router keys, oldest first", action: policy.ListRouterKeys,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[routerKeyList], error) {
		keys, live, err := a.agents.RouterKeys(ctx, c, in.AgentID)
		out := routerKeyList{Keys: []routerKeyBody{}}
		for i := range keys {
			out.Keys = append(out.Keys, routerKeyOf(&keys[i], live[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "revoke-router-key", tag: "Shroud",
		summary: "Revoke a router key; it ends at once", action: policy.RevokeRouterKey,
	}, func(ctx context.Context, c *call.Call, in *routerKeyPath) (*empty, error) {
		return &empty{}, a.agents.RevokeRouterKey(ctx, c, in.AgentID, in.KeyID)
	})
}
