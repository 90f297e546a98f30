// Package proxy is Shroud: it stands between agents and language models, looks at what
// goes to a model and what comes back, and passes on what may pass.
//
// Its promise: nothing reaches a provider before it was looked at and recorded, no
// provider's key before that; a request or an answer that nothing was found in goes on
// byte for byte; what a rule stops never leaves; a stream that ends early says so.
package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/epoch"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Store is what the proxy asks of the database.
type Store interface {
	// VaultNamed returns fault.NotFound when the organisation has none of exactly this name.
	VaultNamed(ctx context.Context, org, name string) (vault.Vault, error)
}

// Config is what a proxy is made of.
type Config struct {
	Gate      *gate.Gate
	Agents    *agent.Service
	Vault     *vault.Service
	Broker    *broker.Service
	Store     Store
	Inspect   *inspect.Maker
	Ledger    *spend.Ledger
	Keep      *flagged.Keeper
	API       http.Handler                   // serves the routes that Shroud has of the API
	Upstreams map[string]string              // base URLs of providers, beside or instead of the known ones
	HTTP      http.RoundTripper              // the guarded way out
	Idle      time.Duration                  // how long a provider may send nothing
	Longest   time.Duration                  // how long a call may take
	Quiet     time.Duration                  // after how long without a word the reader of a stream is told that it goes on
	Epoch     func(org string) (int64, bool) // of rights; see vault.Store
	Ready     func(ctx context.Context) bool
	Log       *slog.Logger
}

// Proxy is an http.Handler.
type Proxy struct {
	cfg       Config
	at        *gate.Surface
	providers map[string]*provider
	agents    *epoch.Cache[string, caller]
	leaving   chan struct{} // closed when calls under way have to end
	leave     sync.Once
}

// New returns a proxy.
func New(cfg Config) *Proxy {
	p := &Proxy{cfg: cfg, providers: providers(cfg.Upstreams), agents: epoch.New[string, caller](maxKept), leaving: make(chan struct{})}
	p.at = &gate.Surface{
		Gate: cfg.Gate, Find: p.find, Credential: credential, Refusal: refusal,
		Recorded: func(*http.Request) bool { return true }, Routers: true,
	}
	return p
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/healthz" || path == "/health/live":
		health(w, true)
	case path == "/health/ready":
		health(w, p.cfg.Ready(r.Context()))
	case ofAPI(path):
		p.toAPI(w, r)
	default:
		p.at.ServeHTTP(w, r)
	}
}

func health(w http.ResponseWriter, well bool) {
	w.Header().Set("Content-Type", "application/json")
	body := `{"status":"ok"}`
	if !well {
		w.WriteHeader(http.StatusServiceUnavailable)
		body = `{"status":"unavailable"}`
	}
	_, _ = w.Write([]byte(body)) // a prober that is gone asks again
}

// ofAPI are the routes that both listeners have (contract shroud.md, sections 1 and 8).
func ofAPI(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/v1/agents/"); ok {
		_, rest, ok = strings.Cut(rest, "/")
		first, _, _ := strings.Cut(rest, "/")
		return ok && (first == "transactions" || first == "sign")
	}
	return path == "/v1/shroud/attestation" || path == "/v1/shroud/activity" || path == "/v1/shroud/threat-summary"
}

// toAPI hands a request to the API as it is sent there: with the agent's key where the
// API looks for it. The API's gate lets it in, counts and records it. A key that is said
// to be of another agent than the path's is none.
func (p *Proxy) toAPI(w http.ResponseWriter, r *http.Request) {
	id, key := presented(r)
	if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/agents/"); ok && id != "" && !strings.HasPrefix(rest, id+"/") {
		key = ""
	}
	r = r.Clone(r.Context())
	r.Header.Del(keyHeader)
	r.Header.Del("Authorization")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	p.cfg.API.ServeHTTP(w, r)
}

// find is the route of a request: a call of a model, or a question about what there is.
func (p *Proxy) find(r *http.Request) (*gate.Route, error) {
	switch path := r.URL.Path; {
	case path == "/v1/models" && r.Method == http.MethodGet:
		return &gate.Route{Path: path, Action: policy.ListModels, Serve: p.models}, nil
	case path == "/v1/health" && r.Method == http.MethodGet:
		return &gate.Route{Path: path, Action: policy.ListModels, Serve: p.health}, nil
	case path == "/v1/responses" && strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return nil, errWebSocket
	case r.Method != http.MethodPost:
		return nil, errNoRoute
	}
	switch path := r.URL.Path; {
	case spoken(path):
		return &gate.Route{Path: routeOf(path), Action: policy.CallModel, Serve: p.call}, nil
	case unspoken(path):
		return &gate.Route{Path: "/{path}", Action: policy.CallModel, Serve: p.asText}, nil
	}
	return nil, errNoRoute
}

func (p *Proxy) health(x *gate.Request, _ *http.Request) error {
	health(x, true)
	return nil
}

// keyHeader names the agent. It wins over Authorization, in which clients send what
// they take for the provider's key.
const keyHeader = "X-Shroud-Agent-Key"

// keyHeaders are the places of a key, but for the query.
func keyHeaders() []string {
	return []string{keyHeader, "X-Api-Key", "X-Goog-Api-Key", "Authorization"}
}

// presented is what a request carries to say which agent sends it: a key or token, and the
// agent that is named before it. Clients made for one provider have places of their own for
// a key: these count where they hold one of ours. A request with two of one place has none:
// programs differ in which of them they read.
func presented(r *http.Request) (id, key string) {
	query := r.URL.Query()["key"]
	for _, name := range keyHeaders() {
		if len(r.Header.Values(name)) > 1 || len(query) > 1 {
			return "", ""
		}
	}
	if first := r.Header.Get(keyHeader); first != "" {
		return parted(first)
	}
	for _, all := range append([]string{r.Header.Get("X-Api-Key"), r.Header.Get("X-Goog-Api-Key")}, query...) {
		if id, key := parted(all); ours(key) {
			return id, key
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ""
	}
	return parted(strings.TrimSpace(token))
}

// parted is a key and the id of its agent before it. A colon after no id is no key's.
func parted(all string) (id, key string) {
	id, key, ok := strings.Cut(all, ":")
	switch {
	case !ok:
		return "", all
	case id == "":
		return "", ""
	}
	return id, key
}

func credential(r *http.Request) string {
	_, key := presented(r)
	return key
}

func ours(key string) bool {
	return strings.HasPrefix(key, identity.AgentKeyPrefix) || strings.HasPrefix(key, identity.RouterKeyPrefix)
}

// sendTime is how long a caller may take for a piece of an answer.
const sendTime = 60 * time.Second
