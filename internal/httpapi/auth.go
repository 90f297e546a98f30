package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// TokenBody is TokenResponse of the contract, section 1. Strict: no field more,
// and no refresh_token, since clients would use it. It is exported since schemas are
// made of embedded structs only then.
type TokenBody struct {
	AccessToken secretValue `json:"access_token"`
	TokenType   string      `json:"token_type" enum:"Bearer"`
	ExpiresIn   int64       `json:"expires_in" doc:"In seconds."`
}

func tokenOf(t identity.Token) *TokenBody {
	return &TokenBody{AccessToken: secretValue{t.Access}, TokenType: "Bearer", ExpiresIn: t.ExpiresIn}
}

// AppendJSON appends the token and wipes it: it is sent once.
func (t *TokenBody) AppendJSON(b []byte) []byte { return append(t.appendFields(append(b, '{')), '}') }

func (t *TokenBody) appendFields(b []byte) []byte {
	b = appendQuoted(append(b, `"access_token":`...), t.AccessToken.Reveal())
	t.AccessToken.Wipe()
	b = append(b, `,"token_type":"Bearer","expires_in":`...)
	return strconv.AppendInt(b, t.ExpiresIn, 10)
}

// loginBody is LoginResponse of the contract: a TokenBody, or the challenge of a
// second factor, which POST /v1/auth/mfa/verify takes with a code.
type loginBody struct {
	TokenBody
	MFARequired bool        `json:"mfa_required,omitempty" doc:"There is no token yet: access_token is empty."`
	MFAToken    secretValue `json:"mfa_token,omitempty" doc:"For POST /v1/auth/mfa/verify, within expires_in."`
}

// loginOf is the answer of everything that logs a human in.
func loginOf(t identity.Token) *loginBody {
	return &loginBody{TokenBody: *tokenOf(t), MFARequired: t.Challenge.Len() > 0, MFAToken: secretValue{t.Challenge}}
}

func (l *loginBody) AppendJSON(b []byte) []byte {
	b = l.appendFields(append(b, '{'))
	if l.MFARequired {
		b = appendQuoted(append(b, `,"mfa_required":true,"mfa_token":`...), l.MFAToken.Reveal())
		l.MFAToken.Wipe()
	}
	return append(b, '}')
}

type loginRequest struct {
	Body struct {
		Email    string      `json:"email"`
		Password secretValue `json:"password"`
	}
}

type keyTokenRequest struct {
	Body struct {
		APIKey string `json:"api_key" doc:"A user's key (1ck_...) or an agent's (ocv_...)."`
	}
}

type revokeRequest struct {
	Authorization string `header:"Authorization" hidden:"true"`
}

func (a *API) registerAuth() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/token", id: "login", tag: "Auth", limit: gate.AuthLimit,
		summary: "Log in with a mail address and password", errors: []int{http.StatusUnauthorized, http.StatusForbidden}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *loginRequest) (*body[*loginBody], error) {
		defer in.Body.Password.Wipe()
		t, err := a.accounts.Login(ctx, c, in.Body.Email, in.Body.Password.Bytes)
		return answer(loginOf(t), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/auth/token", id: "revoke-token", tag: "Auth",
		summary: "Revoke the token that this request carries", action: policy.Logout,
	}, func(ctx context.Context, c *call.Call, in *revokeRequest) (*empty, error) {
		_, token, _ := strings.Cut(in.Authorization, " ")
		return &empty{}, a.identity.Revoke(ctx, c, strings.TrimSpace(token))
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/api-key-token", id: "api-key-token", tag: "Auth", limit: gate.ExchangeLimit,
		summary: "Exchange a user's or agent's key for a token", errors: []int{http.StatusUnauthorized}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *keyTokenRequest) (*body[*TokenBody], error) {
		var t identity.Token
		var err error
		if key := in.Body.APIKey; strings.HasPrefix(key, identity.AgentKeyPrefix) {
			t, err = a.agents.AgentToken(ctx, c, key, "")
		} else {
			t, err = a.accounts.APIKeyToken(ctx, c, key)
		}
		return answer(tokenOf(t), a.refusedKey(c, err))
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/refresh", id: "refresh-token", tag: "Auth", limit: gate.AuthLimit,
		summary: "Not offered: log in or exchange the key again", action: policy.Login,
	}, func(_ context.Context, c *call.Call, _ *struct{}) (*body[*TokenBody], error) {
		c.Event.Action = string(policy.AuthFailure)
		return nil, fault.New(fault.Invalid, "no_refresh", "Refresh tokens are not issued here. Log in, or exchange the API key, for a new token.")
	})
	a.registerAgentToken()
	a.registerFederated()
	a.registerSigningKeys()
	a.registerAccount()
	a.registerMFA()
	a.registerPasskeys()
	a.registerSessions()
	a.registerReset()
}

// answer is a body, or the error that came instead of it.
func answer[T any](b T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{b}, nil
}

// refusedKey counts a key that was not good against its address.
func (a *API) refusedKey(c *call.Call, err error) error {
	if !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	if limited := a.gate.Limits.Attempt(c.IP, c.Now); limited != nil {
		return limited
	}
	return err
}

// jwtKeyBody is strict: no field more.
type jwtKeyBody struct {
	Alg             string `json:"alg" enum:"EdDSA"`
	PublicKeyBase64 string `json:"public_key_base64" doc:"The raw 32 bytes of the key that signs now."`
}

type jwk struct {
	KeyType   string `json:"kty" enum:"OKP"`
	Curve     string `json:"crv" enum:"Ed25519"`
	Use       string `json:"use" enum:"sig"`
	Algorithm string `json:"alg" enum:"EdDSA"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func (a *API) registerSigningKeys() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/jwt-public-key", id: "jwt-public-key", tag: "Auth",
		summary: "The key that signs tokens now", action: policy.ReadSigningKey,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*body[jwtKeyBody], error) {
		k := a.identity.PublicKeys(ctx)[0]
		return &body[jwtKeyBody]{jwtKeyBody{Alg: "EdDSA", PublicKeyBase64: base64.StdEncoding.EncodeToString(k.Key)}}, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/.well-known/jwks.json", id: "jwks", tag: "Auth",
		summary: "All keys that tokens verify with (RFC 7517)", action: policy.ReadSigningKey,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*body[jwks], error) {
		out := &body[jwks]{}
		for _, k := range a.identity.PublicKeys(ctx) {
			out.Body.Keys = append(out.Body.Keys, jwk{
				KeyType: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", ID: k.ID,
				X: base64.RawURLEncoding.EncodeToString(k.Key),
			})
		}
		return out, nil
	})
}

// userBody is UserProfile of the contract, section 1.
type userBody struct {
	ID              string    `json:"id" format:"uuid"`
	Email           string    `json:"email"`
	DisplayName     string    `json:"display_name"`
	AuthMethod      string    `json:"auth_method"`
	Role            string    `json:"role" enum:"owner,admin,member"`
	OrgID           string    `json:"org_id" format:"uuid"`
	EmailVerified   bool      `json:"email_verified"`
	MarketingEmails bool      `json:"marketing_emails"`
	TOTPEnabled     bool      `json:"totp_enabled"`
	CreatedAt       time.Time `json:"created_at"`
}

func userOf(u identity.Account) userBody {
	return userBody{
		ID: u.ID, Email: u.Email, DisplayName: u.DisplayName, AuthMethod: u.AuthMethod, Role: string(u.Role), OrgID: u.Org,
		EmailVerified: u.EmailVerified, MarketingEmails: u.MarketingEmails, TOTPEnabled: u.TOTP, CreatedAt: u.CreatedAt,
	}
}
