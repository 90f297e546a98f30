package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// agentTokenBody is TokenBody with what most clients read besides.
type agentTokenBody struct {
	TokenBody
	AgentID  string   `json:"agent_id,omitempty" format:"uuid" doc:"Left out for clients that refuse unknown fields."`
	VaultIDs []string `json:"vault_ids,omitempty" doc:"The vaults that the agent is bound to; empty is any."`
	Issued   string   `json:"issued_token_type,omitempty" doc:"Of a token exchange (RFC 8693) alone."`

	short bool
}

func (t *agentTokenBody) AppendJSON(b []byte) []byte {
	b = t.appendFields(append(b, '{'))
	if t.short {
		return append(b, '}')
	}
	b = appendQuoted(append(b, `,"agent_id":`...), t.AgentID)
	b = append(b, `,"vault_ids":[`...)
	for i, id := range t.VaultIDs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, id)
	}
	b = append(b, ']')
	if t.Issued != "" {
		b = appendQuoted(append(b, `,"issued_token_type":`...), t.Issued)
	}
	return append(b, '}')
}

// decodesStrictly tells the generated Go client, which fails on a field that it
// does not know, by the name it goes by.
func decodesStrictly(userAgent string) bool { return strings.HasPrefix(userAgent, "OpenAPI-Generator") }

// agentTokenRequest takes an agent's key, or a token of the agent's own issuer
// in any of the forms that clients send one in: by itself, as an assertion or
// client assertion (RFC 7523), or as the subject of an exchange (RFC 8693).
type agentTokenRequest struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		APIKey  *string `json:"api_key,omitempty" nullable:"true" doc:"The agent's key: ocv_..."`
		AgentID *string `json:"agent_id,omitempty" nullable:"true" doc:"With a key, it must be the id of the key's agent. With a token, it says which agent is meant."`

		JWT                 *string `json:"jwt,omitempty" nullable:"true" doc:"A token of the agent's issuer (auth_method oidc_client_credentials). token, assertion, client_assertion and subject_token are other names for it."`
		Token               *string `json:"token,omitempty" nullable:"true"`
		GrantType           *string `json:"grant_type,omitempty" nullable:"true" doc:"client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer or urn:ietf:params:oauth:grant-type:token-exchange."`
		Assertion           *string `json:"assertion,omitempty" nullable:"true" doc:"RFC 7523, section 2.1."`
		ClientAssertion     *string `json:"client_assertion,omitempty" nullable:"true" doc:"RFC 7523, section 2.2."`
		ClientAssertionType *string `json:"client_assertion_type,omitempty" nullable:"true"`
		SubjectToken        *string `json:"subject_token,omitempty" nullable:"true" doc:"RFC 8693."`
		SubjectTokenType    *string `json:"subject_token_type,omitempty" nullable:"true"`
		RequestedTokenType  *string `json:"requested_token_type,omitempty" nullable:"true"`
		ClientID            *string `json:"client_id,omitempty" nullable:"true" doc:"Another name for agent_id, when it is a UUID."`
	}
}

// The names of RFC 7523 and RFC 8693.
const (
	grantBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantClient     = "client_credentials"
	assertionBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typeID          = "urn:ietf:params:oauth:token-type:id_token"
	typeAccess      = "urn:ietf:params:oauth:token-type:access_token"
)

var (
	errNoAgentCredential = fault.New(fault.Invalid, "invalid_request",
		"Send api_key, or a token of the agent's issuer as jwt, assertion, client_assertion or subject_token, or come with the agent's client certificate.")
	errTwoCredentials = fault.New(fault.Invalid, "several_credentials", "Send one credential, and one id for the agent.")
	errGrantType      = fault.New(fault.Invalid, "unsupported_grant_type",
		"grant_type must be client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer or urn:ietf:params:oauth:grant-type:token-exchange, with the field of its own that holds the token.")
	errTokenType = fault.New(fault.Invalid, "unsupported_token_type",
		"subject_token_type must be that of a jwt, id_token or access_token, requested_token_type that of a jwt or access_token, and client_assertion_type that of a jwt-bearer.")
)

// credential returns the agent's key or a token, and the agent's id if given.
func (in *agentTokenRequest) credential() (key, token, agent string, err error) {
	b := &in.Body
	agent = deref(b.AgentID)
	if id := deref(b.ClientID); ids.Valid(id) {
		if agent != "" && !strings.EqualFold(agent, id) {
			return "", "", "", errTwoCredentials
		}
		agent = id
	}
	sent := 0
	for _, text := range []*string{b.APIKey, b.JWT, b.Token, b.Assertion, b.ClientAssertion, b.SubjectToken} {
		if text == nil {
			continue
		}
		sent++
		if text == b.APIKey {
			key = *text
		} else {
			token = *text
		}
	}
	switch {
	case sent == 0:
		return "", "", agent, errNoAgentCredential // which is fine with a certificate
	case sent > 1:
		return "", "", "", errTwoCredentials
	}
	return key, token, agent, in.form()
}

// form refuses what says that it is one thing and holds another.
func (in *agentTokenRequest) form() error {
	b := &in.Body
	ok := true
	switch deref(b.GrantType) {
	case "":
	case grantBearer:
		ok = b.Assertion != nil
	case grantExchange:
		ok = b.SubjectToken != nil
	case grantClient:
		ok = b.ClientAssertion != nil || b.APIKey != nil
	default:
		ok = false
	}
	if !ok {
		return errGrantType
	}
	switch deref(b.SubjectTokenType) {
	case "", typeJWT, typeID, typeAccess:
	default:
		return errTokenType
	}
	if t := deref(b.ClientAssertionType); t != "" && t != assertionBearer {
		return errTokenType
	}
	if t := deref(b.RequestedTokenType); t != "" && t != typeAccess && t != typeJWT {
		return errTokenType
	}
	return nil
}

func (a *API) registerAgentToken() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/agent-token", id: "agent-token", tag: "Auth", limit: gate.ExchangeLimit, form: true,
		summary: "Exchange an agent's key, or a token of its issuer, for a token", errors: []int{http.StatusUnauthorized}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *agentTokenRequest) (*body[*agentTokenBody], error) {
		key, token, agent, err := in.credential()
		byCertificate := errors.Is(err, errNoAgentCredential) && len(c.Chain) > 0
		if err != nil && !byCertificate {
			return nil, err
		}
		var t identity.Token
		if byCertificate {
			t, err = a.agents.CertificateToken(ctx, c, agent)
		} else if token == "" {
			t, err = a.agents.AgentToken(ctx, c, key, agent)
		} else {
			t, err = a.agents.AgentTokenFor(ctx, c, token, agent)
		}
		out := &agentTokenBody{
			TokenBody: *tokenOf(t), AgentID: t.AgentID, VaultIDs: t.VaultIDs, short: decodesStrictly(in.UserAgent),
		}
		if deref(in.Body.GrantType) == grantExchange {
			out.Issued = typeJWT
		}
		return answer(out, a.refusedKey(c, err))
	})
}
