package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

// NewClient returns a client of the API that sends bearer, on behalf of whoever
// sent r.
type NewClient func(r *http.Request, bearer string) (*client.Client, error)

// InProcessClients calls api directly. A key is sent as it is, not exchanged: an
// exchange for each request would meet the limit on logins. What the API refuses for
// now is refused here at once too: a model that is told how long can wait by itself.
func InProcessClients(api http.Handler, version string, log *slog.Logger) NewClient {
	return func(r *http.Request, bearer string) (*client.Client, error) {
		return client.New("http://127.0.0.1", client.WithToken(bearer), client.WithUserAgent("oneclaw-mcp/"+version), client.WithPatience(0),
			client.WithHTTPClient(&http.Client{Transport: loopback.New(api, r, log)}))
	}
}

// HTTPConfig is what Handler needs.
type HTTPConfig struct {
	NewClient NewClient
	Receive   Receive // nil reads without regard to what others need
	// Refused records a request that is refused before it is received, as Received.Refused does
	// after it; nil: nothing is recorded.
	Refused func(r *http.Request, status int, reason string) error
	Version string
	// Hosts are names that the server has besides those of this machine, such as
	// that of its public URL. A listener on a loopback address answers to no others.
	Hosts []string
	Now   func() time.Time // nil is time.Now
	Log   *slog.Logger     // nil drops what goes wrong inside a tool
}

// Handler serves the tools on streamable HTTP, for mounting at /mcp. Each request
// carries the agent's key or token as "Authorization: Bearer", and may name a vault
// in X-Vault-ID, by id or name.
//
// There are no sessions: every request stands alone with its own credential, which
// protocol versions before 2026-07-28 allow and later ones demand. So there is
// nothing that another credential could take over, nothing to fill up, and any
// node can answer any request.
func Handler(cfg HTTPConfig) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Receive == nil {
		cfg.Receive = plainly
	}
	if cfg.Refused == nil {
		cfg.Refused = func(*http.Request, int, string) error { return nil }
	}
	tools := build(cfg.Version, cfg.Log, func(ctx context.Context) *session {
		s, _ := ctx.Value(sessionKey{}).(*session)
		return s // the gate below lets nothing pass without one
	})
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return tools }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxRest,
		PropagateRequestCancellation: true,
		DisableLocalhostProtection:   true, // HostAllowed does it, and knows our names
	})
	return &gate{cfg: cfg, inner: inner, credentials: newCredentialCache(cfg.Now), origin: http.NewCrossOriginProtection()}
}

type sessionKey struct{}

// gate lets requests in that a browser was not tricked into, and whose credential
// the API knows.
type gate struct {
	cfg         HTTPConfig
	inner       http.Handler
	credentials *credentialCache
	origin      *http.CrossOriginProtection
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	early := func(status int, reason string) error { return g.cfg.Refused(r, status, reason) }
	if !HostAllowed(r, g.cfg.Hosts) || g.origin.Check(r) != nil {
		g.refuse(w, early, badMessage(http.StatusForbidden, "forbidden_origin", "This address takes no requests for that host or from that web page."))
		return
	}
	bearer, ok := bearerOf(r)
	if !ok {
		g.refuse(w, early, errNoKey)
		return
	}
	vault := r.Header.Get("X-Vault-ID")
	if len(r.Header["X-Vault-Id"]) > 1 || len(vault) > maxVaultName {
		g.refuse(w, early, badMessage(http.StatusBadRequest, "invalid_vault_id", "X-Vault-ID must be the id of one vault, its beginning, or the name that only one has."))
		return
	}
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		g.refuse(w, early, badMessage(http.StatusMethodNotAllowed, "method_not_allowed", "Send protocol messages with POST; there is no stream to listen to."))
		return
	}
	api, err := g.cfg.NewClient(r, bearer)
	if err != nil {
		g.refuse(w, early, errBadCredential)
		return
	}
	key := keyOf(bearer, vault)
	got, err := g.cfg.Receive(w, r, maxMessage)
	if err != nil {
		if client.IsStatus(err, http.StatusUnauthorized) {
			g.credentials.drop(key)
		}
		g.turnAway(w, err)
		return
	}
	defer got.Done()
	s, err := g.admit(got, api, key, vault)
	if err != nil {
		g.refuse(w, got.Refused, err)
		return
	}
	g.answer(w, r, got, s)
}

// answer has the library answer what was received.
func (g *gate) answer(w http.ResponseWriter, r *http.Request, got *Received, s *session) {
	defer s.text.end()
	rest, value, err := unpacked(got.Message)
	if err != nil {
		g.refuse(w, got.Refused, err)
		return
	}
	kept, id, refused := sift(rest)
	switch {
	case refused != nil && refused.Code == jsonrpc.CodeMethodNotFound:
		if err := got.Refused(http.StatusOK, "unknown_method"); err != nil {
			g.turnAway(w, err)
			return
		}
		noMethodHere(w, r, id, refused)
		return
	case refused != nil, kept == nil && !droppable(rest):
		g.refuse(w, got.Refused, badMessage(http.StatusBadRequest, "bad_request", transportProblem(http.StatusBadRequest)))
		return
	case kept == nil:
		w.WriteHeader(http.StatusAccepted)
		return
	}
	clean := &cleanWriter{header: http.Header{}}
	in := r.WithContext(withValue(context.WithValue(got.Context, sessionKey{}, s), value)) // a copy: the server goes on using r's body
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(kept)), int64(len(kept))
	if takesJSON(r) { // all answers are JSON; the library wants to hear of streams too
		in.Header = r.Header.Clone()
		in.Header.Set("Accept", "application/json, text/event-stream")
	}
	g.inner.ServeHTTP(clean, in)
	if reason := clean.reason(); reason != "" {
		err = got.Refused(max(clean.status, http.StatusOK), reason)
	}
	if err == nil {
		err = clean.send(w, s.text, got.Room, got.Write)
	}
	if err != nil {
		g.turnAway(w, err)
	}
}

// droppable reports whether what the library does not get is a notification by its name, or
// an answer. What else has no id is a call that forgot it.
func droppable(message []byte) bool {
	from, to := locate(message, "method")
	return to == from || bytes.HasPrefix(message[from:to], []byte(`"notifications/`))
}

// noMethodHere answers a call of a method that there is not: from version 2026-07-28 of the
// protocol on the status says so too.
func noMethodHere(w http.ResponseWriter, r *http.Request, id []byte, refused *jsonrpc.Error) {
	status := http.StatusOK
	if v := r.Header.Get("Mcp-Protocol-Version"); version.MatchString(v) && v >= "2026-07-28" {
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(refusal(id, refused))
}

// takesJSON reports whether r accepts JSON; without an Accept it takes anything (RFC 9110
// section 12.5.1).
func takesJSON(r *http.Request) bool {
	values := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(values) == "" {
		return true
	}
	for kind := range strings.SplitSeq(values, ",") {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/json", "application/*", "*/*":
			return true
		}
	}
	return false
}

// refuse answers with an error once it is recorded.
func (g *gate) refuse(w http.ResponseWriter, record Refused, err error) {
	if e, _ := errors.AsType[*client.Error](err); e != nil {
		if lost := record(e.Status, e.Code); lost != nil {
			err = lost
		}
	}
	g.turnAway(w, err)
}

// admit returns the session of whoever sent a message. Only what is not known from
// letting it in, nor from a moment ago, is asked of the API. Every tool asks again: this
// only decides who may talk.
func (g *gate) admit(got *Received, api *client.Client, key credentialKey, vault string) (*session, error) {
	choice := g.credentials.get(key)
	if choice == nil {
		if got.Sees == nil {
			if _, err := api.AgentMe(got.Context); err != nil {
				return nil, err
			}
		}
		if err := reaches(got, api, vault); err != nil {
			return nil, err
		}
		choice = g.credentials.add(key, &vaultChoice{fixed: vault, setting: "X-Vault-ID"})
	}
	return &session{api: api, text: newAside(), sees: got.Sees, vault: choice, who: got.Sender, refused: func() { g.credentials.drop(key) }}, nil
}

// maxVaultName is the most bytes of a name of 255 characters.
const maxVaultName = 255 * utf8.UTFMax

// reaches refuses a vault that the caller named and can't see.
func reaches(got *Received, api *client.Client, vault string) error {
	switch {
	case vault == "", got.Sees != nil && got.Sees.Vault(got.Context, vault):
		return nil
	case ids.Valid(vault):
		_, err := api.Vault(got.Context, vault)
		return err
	}
	_, err := byName(got.Context, api, vault)
	if errors.Is(err, errNamed) {
		err = &client.Error{Status: http.StatusBadRequest, Code: "invalid_vault_id",
			Detail: "X-Vault-ID must be the id of one vault that this agent can reach, its beginning, or the name that only one has."}
	}
	return err
}

var (
	errBadCredential = &client.Error{Status: http.StatusUnauthorized, Code: "unauthenticated"}
	errNoKey         = badMessage(http.StatusUnauthorized, "unauthenticated", "Send the agent's key (ocv_...) or token as 'Authorization: Bearer ...'.")
)

// turnAway answers what the API said about the credential or the vault.
func (g *gate) turnAway(w http.ResponseWriter, err error) {
	e, _ := errors.AsType[*client.Error](err)
	switch {
	case e == errNoKey:
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, e.Status, e.Code, e.Detail)
	case e != nil && e.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuse(w, e.Status, "unauthenticated", "The agent's key or token is wrong, expired or revoked.")
	case e != nil && (e.Status >= 400 && e.Status < 500 || e.Status == http.StatusServiceUnavailable && e.Code != ""):
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", seconds(e.RetryAfter))
		}
		refuse(w, e.Status, e.Code, e.Detail)
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "unavailable", "The vault can not answer now; try again shortly.")
	}
}

// HostAllowed guards a loopback listener against web pages whose name was made to
// point at this machine (DNS rebinding). Other listeners are not for browsers of
// this machine alone and have no such line to draw. names are hosts that the
// server has besides those of this machine.
func HostAllowed(r *http.Request, names []string) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || local == nil || !isLoopback(local.String()) || isLoopback(r.Host) {
		return true
	}
	for _, name := range names {
		if strings.EqualFold(hostname(name), hostname(r.Host)) {
			return true
		}
	}
	return false
}

func isLoopback(hostport string) bool {
	host := hostname(hostport)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// bearerOf reads the credential. One beginning with 1ck_ is a human's: the tools
// are for agents, and the API would let it do far more.
func bearerOf(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 8<<10 || strings.HasPrefix(token, "1ck_") {
		return "", false
	}
	return token, true
}
