package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// counted is the API, and a list of what it was asked within the process.
type counted struct {
	http.Handler
	mu   sync.Mutex
	asks []string
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asks = append(c.asks, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asks := c.asks
	c.asks = nil
	return asks
}

// rigBurst is how many requests of another machine the rig takes in an hour.
const rigBurst = 10

// mcpRig is a whole server without a listener, with an owner and a vault.
type mcpRig struct {
	t     testing.TB
	a     *App
	api   *counted
	mcp   http.Handler
	owner string
	vault string
	from  string // where requests come from
}

func newMCPRig(t testing.TB) *mcpRig { return newMCPRigOn(t, "") }

// newMCPRigOn is newMCPRig on a PostgreSQL database, unless dsn is empty.
func newMCPRigOn(t testing.TB, dsn string, change ...func(*config.Config)) *mcpRig {
	t.Helper()
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if dsn != "" {
		cfg.DatabaseURL = secret.FromString(dsn)
	}
	cfg.Data, cfg.Dev, cfg.RateAuth = t.TempDir(), true, config.Rate{}
	cfg.RateAddress = config.Rate{PerSecond: 1.0 / 3600, Burst: rigBurst}
	for _, f := range change {
		f(&cfg)
	}
	a, err := New(t.Context(), cfg, &listen.Listeners{At: listen.Addresses{API: "http://127.0.0.1:1"}, Files: &listen.Files{}}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	const pw = "Quite-8-Good-Words"
	if _, err := a.accounts.EnsureOwner(t.Context(), "ann@example.com", secret.FromString(pw)); err != nil {
		t.Fatal(err)
	}
	m := &mcpRig{t: t, a: a, api: &counted{Handler: a.api}, from: "127.0.0.1:1"} // which counts against no limit
	m.mcp = a.mcp(m.api, nil)
	m.owner = m.rest("POST", "/v1/auth/token", "", `{"email":"ann@example.com","password":"`+pw+`"}`)["access_token"].(string)
	m.vault = m.newVault("main")
	return m
}

// send sends a request to a handler, and returns status and body.
func (m *mcpRig) send(h http.Handler, method, path, token, body string, header ...string) (int, string) {
	m.t.Helper()
	r := httptest.NewRequestWithContext(m.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = m.from
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return w.Code, string(b)
}

// rest is a request to the API that must do.
func (m *mcpRig) rest(method, path, token, body string) map[string]any {
	m.t.Helper()
	status, text := m.send(m.a.api, method, path, token, body)
	if status > 299 {
		m.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	o := map[string]any{}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		m.t.Fatal(err)
	}
	return o
}

func (m *mcpRig) newVault(name string) string {
	m.t.Helper()
	return m.rest("POST", "/v1/vaults", m.owner, `{"name":"`+name+`"}`)["id"].(string)
}

// agent makes an agent that may read and write in the vaults, and returns its id and key.
func (m *mcpRig) agent(name string, vaults ...string) (id, key string) {
	m.t.Helper()
	made := m.rest("POST", "/v1/agents", m.owner, `{"name":"`+name+`"}`)
	id, key = made["agent"].(map[string]any)["id"].(string), made["api_key"].(string)
	for _, v := range vaults {
		m.rest("POST", "/v1/vaults/"+v+"/policies", m.owner, `{"secret_path_pattern":"**","principal_type":"agent","principal_id":"`+id+`","permissions":["read","write"]}`)
	}
	return id, key
}

// about are the actions that the log has of an actor, eldest first. The look at the log
// itself is left out.
func (m *mcpRig) about(id string) []string {
	m.t.Helper()
	var actions []string
	for _, e := range m.rest("GET", "/v1/audit/events?limit=100", m.owner, "")["events"].([]any) {
		e := e.(map[string]any)
		action := e["action"].(string)
		if e["actor_id"] == id && action != "audit.read" {
			actions = append(actions, action)
		}
	}
	slices.Reverse(actions)
	return actions
}

func tool(name, args string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + args + `}}`
}

// TestAToolIsOneCallOfTheAPI: the first one of a credential too, whose event is the only
// one.
func TestAToolIsOneCallOfTheAPI(t *testing.T) {
	m := newMCPRig(t)
	m.newVault("nobody's")
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secrets/db/password", m.owner, `{"value":"hunter2"}`)
	at := "/v1/vaults/" + m.vault + "/secrets"
	for name, c := range map[string]struct{ tool, args, want, ask, event string }{
		"get":  {"get_secret", `{"path":"db/password"}`, "hunter2", "GET " + at + "/db/password", "secret.read"},
		"put":  {"put_secret", `{"path":"n","value":"v"}`, "Secret stored at 'n'", "PUT " + at + "/n", "secret.write"},
		"list": {"list_secrets", `{}`, "db/password", "GET " + at, "secret.list"},
	} {
		for with, header := range map[string][]string{"no vault": nil, "a vault": {"X-Vault-ID", m.vault}} {
			id, key := m.agent(name+" "+with, m.vault)
			t.Run(name+" with "+with, func(t *testing.T) {
				m.api.take()
				for range 2 {
					if status, body := m.send(m.mcp, "POST", "/mcp", key, tool(c.tool, c.args), header...); status != 200 || !strings.Contains(body, c.want) {
						t.Fatalf("%d %s", status, body)
					}
				}
				if got, want := fmt.Sprint(m.api.take()), fmt.Sprint([]string{c.ask, c.ask}); got != want {
					t.Errorf("two calls asked %s, want %s", got, want)
				}
				if got, want := fmt.Sprint(m.about(id)), fmt.Sprint([]string{c.event, c.event}); got != want {
					t.Errorf("two calls left %s, want %s", got, want)
				}
			})
		}
	}
}

// TestWhoIsNotLetInIsRefusedByTheAPI: with its words, and its one event.
func TestWhoIsNotLetInIsRefusedByTheAPI(t *testing.T) {
	m := newMCPRig(t)
	other := m.newVault("nobody's")
	owner := m.rest("GET", "/v1/auth/me", m.owner, "")["id"].(string)
	id, key := m.agent("agent", m.vault)
	lone, loneKey := m.agent("without a vault")
	gone, goneKey := m.agent("gone", m.vault)
	if status, body := m.send(m.mcp, "POST", "/mcp", goneKey, tool("list_secrets", `{}`)); status != 200 || !strings.Contains(body, "No secrets found") {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := m.send(m.a.api, "DELETE", "/v1/agents/"+gone, m.owner, ""); status > 299 {
		t.Fatalf("%d %s", status, body)
	}
	for name, c := range map[string]struct {
		key, vault, want, ask string
		status                int
		of, event             string // by actor, or by target where nobody is known
	}{
		"a human":              {m.owner, "", `"status":403`, "GET /v1/agents/me", 403, owner, "agent.read_self"},
		"an agent that ended":  {goneKey, "", `"code":"unauthenticated"`, "", 401, "", ""},
		"another's vault":      {key, other, `"status":40`, "GET /v1/vaults/" + other, 0, id, "vault.read"},
		"an agent with no key": {"ocv_none", "", `"code":"unauthenticated"`, "", 401, "", ""},
		"no vault at all":      {loneKey, "", "This agent has no vault yet", "GET /v1/vaults", 200, lone, "vault.list"},
	} {
		t.Run(name, func(t *testing.T) {
			m.api.take()
			m.a.events.Run(ended(t)) // a kind counts as new again
			before, system := m.about(c.of), m.head(audit.SystemOrg)
			var header []string
			if c.vault != "" {
				header = []string{"X-Vault-ID", c.vault}
			}
			status, body := m.send(m.mcp, "POST", "/mcp", c.key, tool("list_secrets", `{}`), header...)
			if c.status != 0 && status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", status, body)
			}
			if asks := strings.Join(m.api.take(), ", "); asks != c.ask { // none where it is refused with its event before
				t.Errorf("asked %s", asks)
			}
			if c.of == "" {
				if all := m.events(audit.SystemOrg, system); len(all) != 1 || all[0].Action != "auth.failure" {
					t.Errorf("left %d events in the server's own log", len(all))
				}
				return
			}
			if got := m.about(c.of)[len(before):]; len(got) != 1 || got[0] != c.event {
				t.Errorf("left %v", got)
			}
		})
	}
}

// TestAMessageAndItsFirstCallAreOneRequest: of the limit on an address.
func TestAMessageAndItsFirstCallAreOneRequest(t *testing.T) {
	m := newMCPRig(t)
	_, key := m.agent("agent", m.vault)
	m.from = "192.0.2.9:1" // not of this machine, which counts against no limit
	for i := range rigBurst + 1 {
		want := http.StatusOK
		if i == rigBurst {
			want = http.StatusTooManyRequests
		}
		if status, body := m.send(m.mcp, "POST", "/mcp", key, tool("list_secrets", `{}`)); status != want || strings.Contains(body, `"isError"`) {
			t.Errorf("message %d: %d %s", i+1, status, body)
		}
	}
}

// BenchmarkGetSecretOverMCP is one get_secret: as the first call of a credential, and
// as a later one.
func BenchmarkGetSecretOverMCP(b *testing.B) {
	m := newMCPRig(b)
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secrets/db/password", m.owner, `{"value":"hunter2"}`)
	_, key := m.agent("agent", m.vault)
	for name, fresh := range map[string]bool{"first": true, "later": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			m.api.take()
			for b.Loop() {
				if fresh {
					b.StopTimer()
					m.mcp = m.a.mcp(m.api, nil) // has seen nobody
					b.StartTimer()
				}
				if status, body := m.send(m.mcp, "POST", "/mcp", key, tool("get_secret", `{"path":"db/password"}`)); status != 200 {
					b.Fatalf("%d %s", status, body)
				}
			}
			b.ReportMetric(float64(len(m.api.take()))/float64(b.N), "asks/op")
		})
	}
}

// TestADenialsReasonReachesTheAgent: over MCP as over REST, and nothing else of who denied.
func TestADenialsReasonReachesTheAgent(t *testing.T) {
	m := newMCPRig(t)
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secrets/db/password", m.owner, `{"value":"hunter2"}`)
	id, key := m.agent("reader")
	m.rest("POST", "/v1/vaults/"+m.vault+"/policies", m.owner, `{"secret_path_pattern":"**","principal_type":"agent","principal_id":"`+id+`","permissions":["read"],"conditions":{"require_approval":true}}`)
	get := func() string {
		_, body := m.send(m.mcp, "POST", "/mcp", key, tool("get_secret", `{"path":"db/password"}`), "X-Vault-ID", m.vault)
		return body
	}
	if body := get(); !strings.Contains(body, "A human must approve this first.") {
		t.Fatal(body)
	}
	asked := m.rest("GET", "/v1/approvals", m.owner, "")["approvals"].([]any)[0].(map[string]any)["id"].(string)
	m.rest("POST", "/v1/approvals/"+asked+"/deny", m.owner, `{"reason":"use the replica, not vault_id 7"}`)
	if body := get(); !strings.Contains(body, `They said: \"use the replica, not vault_id 7\".`) || !strings.Contains(body, "Try again in ") || strings.Contains(body, "ann@") {
		t.Errorf("the agent is told %s", body)
	}
}
