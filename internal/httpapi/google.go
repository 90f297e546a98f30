package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type idTokenRequest struct {
	Body struct {
		IDToken string  `json:"id_token" minLength:"1" maxLength:"16384" doc:"An ID token of the provider that the server is set up with, Google or another."`
		Nonce   *string `json:"nonce,omitempty" nullable:"true" maxLength:"1024" doc:"If given, the token must hold it."`
	}
}

func (a *API) registerProviders() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/google", id: "login-google", tag: "Auth", limit: gate.AuthLimit,
		summary: "Log in with the ID token of an identity provider", errors: []int{http.StatusUnauthorized, http.StatusForbidden}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *idTokenRequest) (*body[*loginBody], error) {
		t, err := a.accounts.LoginWithIDToken(ctx, c, in.Body.IDToken, in.Body.Nonce)
		return answer(loginOf(t), err)
	})
}
