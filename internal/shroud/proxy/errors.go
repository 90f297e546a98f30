package proxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// What the proxy itself refuses (contract shroud.md, section 4).
var (
	errNoRoute    = fault.New(fault.NotFound, "not_found", "Shroud has no such path: what it can't look at it does not pass on. docs/shroud.md lists the paths.")
	errWebSocket  = &upgrade{}
	errNoProvider = fault.New(fault.Invalid, "provider_missing", "Name the provider with the header X-Shroud-Provider: openai, anthropic, google, mistral, cohere, or one that the operator added.")
	errProvider   = fault.New(fault.Invalid, "unknown_provider", "Shroud does not know this provider. Known are openai, anthropic, google, mistral, cohere, openrouter, and those of ONECLAW_SHROUD_UPSTREAMS.")
	errTwice      = fault.New(fault.Invalid, "header_repeated", "Send X-Shroud-Provider, X-Shroud-Api-Key, X-Shroud-Model, Idempotency-Key, Content-Type and Content-Encoding once: programs differ in which of two they read.")
	errPath       = fault.New(fault.Invalid, "path_not_of_provider", "This provider has no such path.")
	errNoModel    = fault.New(fault.Invalid, "model_missing", "The body names no model.")
	errModelName  = fault.New(fault.Invalid, "bad_model", "A model's name has at most 256 characters, which are printable ASCII and no blanks.")
	errTokens     = fault.New(fault.Invalid, "tokens_not_text", "The body has its text as numbers of tokens, which can't be looked at. Send text.")
	errGzip       = fault.New(fault.Invalid, "bad_encoding", "The body's Content-Encoding is not one that Shroud takes: gzip, or none.")
	errLarge      = fault.New(fault.TooLarge, "body_too_large", "The body is larger than 5 MB.")
	errOtherAgent = fault.New(fault.Unauthenticated, "wrong_agent", "The key is not the one of the agent that is named before it.").Because("wrong_agent")
	errOff        = fault.New(fault.Denied, "shroud_disabled", "Shroud is not enabled for this agent: set shroud_enabled, or use `oneclaw shroud preset AGENT balanced`.").Because("shroud_disabled")
	errProviderNo = fault.New(fault.Denied, "provider_not_allowed", "This agent may not use this provider (allowed_providers).").Because("provider_not_allowed")
	errModelNo    = fault.New(fault.Denied, "model_not_allowed", "This agent may not use this model (allowed_models, denied_models).").Because("model_not_allowed")
	errAgentsOnly = fault.New(fault.Denied, "agents_only", "Models are called by agents: send an agent's key or token.").Because("agents_only")
	errNoKey      = fault.New(fault.Unauthenticated, "no_provider_key", "no API key: vault lookup failed and no X-Shroud-Api-Key header. "+
		"The agent may use no secret at providers/PROVIDER/api-key: docs/shroud.md says how to store and grant it.").Because("no_provider_key")
	errTooMany   = fault.New(fault.Conflict, "ambiguous_provider_key", "Several vaults have a key of this provider that the agent may use: name it with X-Shroud-Api-Key: vault://VAULT/PATH.").Because("ambiguous_provider_key")
	errKeyRef    = fault.New(fault.Invalid, "bad_key_reference", "X-Shroud-Api-Key is a key, or vault://VAULT/PATH with the vault's id or name and the secret's path.")
	errNotAKey   = fault.New(fault.Denied, "not_a_provider_key", "This secret does not go to a provider: it is a private_key or ssh_key, or its path begins with keys/, wallets/ or agents/. Name a secret that holds the provider's key.").Because("not_a_provider_key")
	errOthersKey = fault.New(fault.Denied, "other_providers_key", "A secret below providers/NAME/ goes to the provider of that name alone.").Because("other_providers_key")
	errEnded     = fault.New(fault.Denied, "right_ended", "Shroud ended this call: the right to it ended while it ran.").Because("right_ended")
	errUnsure    = fault.New(fault.Unavailable, "right_unknown", "Shroud ended this call: nobody could tell any more whether it may go on. Try again.")
	errLeaving   = fault.New(fault.Unavailable, "server_stops", "Shroud ended this call: the server is told to stop. Try again.")
	errAltSSE    = fault.New(fault.Invalid, "stream_not_sse", "Ask for the stream with alt=sse.")
)

// errSilent and errLong end a call whose provider does not come to an end.
var (
	errSilent = &upstream{http.StatusGatewayTimeout, "upstream error: the provider sent nothing for too long"}
	errLong   = &upstream{http.StatusGatewayTimeout, "upstream error: the call took too long"}
)

// upgrade refuses a WebSocket with the one status after which clients speak HTTP at once.
type upgrade struct{}

// Error implements error.
func (*upgrade) Error() string { return "websocket_refused" }

// upstream is a provider that could not be reached, or whose answer can't be looked at.
type upstream struct {
	status  int
	message string
}

// Error implements error.
func (u *upstream) Error() string { return "upstream_error" }

// errNoHTTP is all that is said of an answer that is no HTTP: the error has words of it.
var errNoHTTP = errors.New("what it sent is no HTTP, or not all of it")

// cause is why a provider could not be called, in words of this machine and of no provider.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	return errNoHTTP
}

var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.PaymentRequired: http.StatusPaymentRequired,
	fault.Denied: http.StatusForbidden, fault.NotFound: http.StatusNotFound, fault.NotAllowed: http.StatusMethodNotAllowed,
	fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.TooSlow: http.StatusRequestTimeout, fault.RateLimited: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
	fault.Unprocessable: http.StatusUnprocessableEntity,
}

// refusal shows an error in the contract's shape for Shroud.
func refusal(err error) gate.Refusal {
	status, message := http.StatusInternalServerError, "Something went wrong here. The server's log has more."
	var wait time.Duration
	h := http.Header{"Content-Type": {"application/json"}}
	var c *gate.Challenge
	switch e, ok := errors.AsType[*fault.Error](err); {
	case errors.As(err, &c):
		status, message = http.StatusPaymentRequired, "The requests of this month are used up."
	case ok && e.Kind != fault.Internal && statuses[e.Kind] != 0:
		status, message, wait = statuses[e.Kind], e.Detail, e.RetryAfter
	}
	if fault.CodeOf(err) == "unauthenticated" { // whose clients know nothing of signing in
		message = "The key is missing, wrong, expired or revoked. Shroud takes an agent's key (ocv_...) or token, or a router key (sk-shroud-v1-...)."
	}
	if u, ok := errors.AsType[*upstream](err); ok {
		status, message = u.status, u.message
	}
	if _, ok := errors.AsType[*upgrade](err); ok {
		status, message = http.StatusUpgradeRequired, "Shroud does not take WebSockets: use HTTP."
		h.Set("Upgrade", "HTTP/1.1")
	}
	if wait == 0 && status == http.StatusServiceUnavailable {
		wait = time.Second
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return gate.Refusal{Status: status, Header: h, Body: errorBody(status, message)}
}

func errorBody(status int, message string) []byte {
	type inner struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Type    string `json:"type"`
	}
	b, _ := json.Marshal(map[string]inner{"error": {status, message, "shroud_error"}}) //nolint:errchkjson // texts and a number
	return b
}
