package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// federatedRequest is a token exchange, RFC 8693 section 2.1, as newer clients send it.
type federatedRequest struct {
	Body struct {
		GrantType          string  `json:"grant_type" doc:"urn:ietf:params:oauth:grant-type:token-exchange"`
		SubjectToken       string  `json:"subject_token" doc:"A token of an agent's issuer, or a key: ocv_... or 1ck_..."`
		SubjectTokenType   string  `json:"subject_token_type" doc:"That of a jwt, id_token or access_token; or urn:1claw:params:oauth:token-type:api-key."`
		Audience           string  `json:"audience" maxLength:"2048" doc:"This server: its public URL, or an audience that the operator named."`
		Scope              *string `json:"scope,omitempty" nullable:"true" maxLength:"4096" doc:"Words alone, such as vault:read. The answer says which scopes the token has: those of the agent or key."`
		RequestedTokenType *string `json:"requested_token_type,omitempty" nullable:"true"`
		ActorToken         *string `json:"actor_token,omitempty" nullable:"true" doc:"Refused: nobody acts for somebody else here."`
		AgentID            *string `json:"agent_id,omitempty" nullable:"true" doc:"Which agent is meant, when several have the token's client id."`
	}
}

const typeKey = "urn:1claw:params:oauth:token-type:api-key"

var (
	errExchangeOnly = fault.New(fault.Invalid, "unsupported_grant_type", "grant_type must be urn:ietf:params:oauth:grant-type:token-exchange.")
	errSubjectType  = fault.New(fault.Invalid, "unsupported_token_type",
		"subject_token_type must be that of a jwt, id_token or access_token, or urn:1claw:params:oauth:token-type:api-key; requested_token_type that of a jwt or access_token.")
	errTarget = fault.New(fault.Invalid, "invalid_target", "audience must name this server: its public URL, or an audience that its operator named.")
	errActor  = fault.New(fault.Invalid, "invalid_request", "Acting for somebody else is not supported: leave actor_token out.")
)

// check refuses what would be issued otherwise than it was asked for.
func (in *federatedRequest) check(audience func(string) bool) error {
	b := &in.Body
	switch {
	case b.GrantType != grantExchange:
		return errExchangeOnly
	case b.ActorToken != nil:
		return errActor
	case !audience(b.Audience):
		return errTarget
	case strings.ContainsAny(deref(b.Scope), "/*"):
		return identity.ErrScope
	}
	switch deref(b.RequestedTokenType) {
	case "", typeJWT, typeAccess:
	default:
		return errSubjectType
	}
	switch b.SubjectTokenType {
	case typeKey, typeJWT, typeID, typeAccess:
		return nil
	}
	return errSubjectType
}

// federatedBody is the answer of RFC 8693, section 2.2.1.
type federatedBody struct {
	TokenBody
	Issued string `json:"issued_token_type"`
	Scope  string `json:"scope,omitempty" doc:"The token's scopes, with blanks between; absent when it has none."`
}

func (t *federatedBody) AppendJSON(b []byte) []byte {
	b = t.appendFields(append(b, '{'))
	b = appendQuoted(append(b, `,"issued_token_type":`...), t.Issued)
	if t.Scope != "" {
		b = appendQuoted(append(b, `,"scope":`...), t.Scope)
	}
	return append(b, '}')
}

func (a *API) registerFederated() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/federated-token", id: "federated-token", tag: "Auth", limit: gate.ExchangeLimit, form: true,
		summary: "Exchange a token of an agent's issuer, or a key, for a token (RFC 8693)", errors: []int{http.StatusUnauthorized}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *federatedRequest) (*body[*federatedBody], error) {
		if err := in.check(a.agents.MeantFor); err != nil {
			return nil, err
		}
		c.Scoped = deref(in.Body.Scope) != "" // RFC 8693 section 2.2.1: no scope in the answer would say that it is as requested
		t, err := a.exchange(ctx, c, in)
		return answer(&federatedBody{TokenBody: *tokenOf(t), Issued: typeJWT, Scope: strings.Join(t.Scopes, " ")}, a.refusedKey(c, err))
	})
}

func (a *API) exchange(ctx context.Context, c *call.Call, in *federatedRequest) (identity.Token, error) {
	b := &in.Body
	switch {
	case b.SubjectTokenType != typeKey:
		return a.agents.AgentTokenFor(ctx, c, b.SubjectToken, deref(b.AgentID))
	case strings.HasPrefix(b.SubjectToken, identity.AgentKeyPrefix):
		return a.agents.AgentToken(ctx, c, b.SubjectToken, deref(b.AgentID))
	default:
		return a.accounts.APIKeyToken(ctx, c, b.SubjectToken)
	}
}
