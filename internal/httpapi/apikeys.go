package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// apiKeyBody is ApiKey of the contract, section 2.
type apiKeyBody struct {
	ID         string     `json:"id" format:"uuid"`
	Name       string     `json:"name"`
	KeyPrefix  string     `json:"key_prefix" doc:"The key's first 12 characters."`
	Scopes     []string   `json:"scopes"`
	IsActive   bool       `json:"is_active"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" nullable:"true"`
	LastUsedAt *time.Time `json:"last_used_at" nullable:"true"`
}

func apiKeyOf(k *identity.UserKey, now time.Time) apiKeyBody {
	return apiKeyBody{
		ID: k.ID, Name: k.Name, KeyPrefix: k.Prefix, Scopes: k.Scopes, IsActive: k.Live(now), CreatedAt: k.CreatedAt,
		ExpiresAt: pointer(k.ExpiresAt), LastUsedAt: pointer(k.LastUsedAt),
	}
}

type createAPIKey struct {
	Body struct {
		Name      string     `json:"name" minLength:"1" maxLength:"255"`
		Scopes    []string   `json:"scopes,omitempty" nullable:"true" doc:"A cap on what the key may do; none is no cap."`
		ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"true"`
	}
}

type createdAPIKey struct {
	Key    apiKeyBody  `json:"key"`
	APIKey secretValue `json:"api_key" doc:"The key itself. It is shown this once."`
}

func (k *createdAPIKey) AppendJSON(b []byte) []byte {
	return appendWithKey(b, "key", &k.Key, &k.APIKey)
}

// appendWithKey appends an object with what was made and, when it has one, its
// key, which is wiped: it is sent once.
func appendWithKey(b []byte, name string, made any, key *secretValue) []byte {
	b = append(appendQuoted(append(b, '{'), name), ':')
	text, err := rest.Marshal(made)
	if err != nil {
		panic(err) // a struct of plain fields always marshals
	}
	b = append(b, text...)
	if key.Len() > 0 {
		b = appendQuoted(append(b, `,"api_key":`...), key.Reveal())
		key.Wipe()
	}
	return append(b, '}')
}

type apiKeyList struct {
	Keys []apiKeyBody `json:"keys"`
}

type keyPath struct {
	KeyID string `path:"key_id"`
}

type endedKey struct {
	keyPath
	keepFlag
}

func (a *API) registerAPIKeys() {
	const all, one = "/v1/auth/api-keys", "/v1/auth/api-keys/{key_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-api-key", tag: "API keys", status: http.StatusCreated,
		summary: "Make a personal API key", action: policy.CreateAPIKey,
	}, func(ctx context.Context, c *call.Call, in *createAPIKey) (*body[*createdAPIKey], error) {
		k, key, err := a.accounts.CreateKey(ctx, c, account.KeyDraft{
			Name: in.Body.Name, Scopes: in.Body.Scopes, ExpiresAt: end(in.Body.ExpiresAt),
		})
		return answer(&createdAPIKey{Key: apiKeyOf(&k, c.Now), APIKey: secretValue{key}}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-api-keys", tag: "API keys",
		summary: "List your API keys, revoked ones too", action: policy.ListAPIKeys,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[apiKeyList], error) {
		keys, err := a.accounts.APIKeys(ctx, c)
		out := apiKeyList{}
		for i := range keys {
			out.Keys = append(out.Keys, apiKeyOf(&keys[i], c.Now))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "revoke-api-key", tag: "API keys",
		summary: "Revoke an API key, and every token made from it", action: policy.DeleteAPIKey,
	}, func(ctx context.Context, c *call.Call, in *endedKey) (*gone, error) {
		err := a.accounts.RevokeKey(ctx, c, in.KeyID, in.Keep)
		ended := goneBy(c)
		return &ended, err
	})
	a.registerMade()
}
