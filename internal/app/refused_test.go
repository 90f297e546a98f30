package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// events are those of an organisation that were not there before, eldest first.
func (m *mcpRig) events(org string, after uint64) []*audit.Row {
	m.t.Helper()
	all, err := m.a.db.Events(m.t.Context(), org, audit.Query{Limit: 1000})
	if err != nil {
		m.t.Fatal(err)
	}
	var out []*audit.Row
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Seq > after {
			out = append(out, all[i])
		}
	}
	return out
}

func (m *mcpRig) head(org string) uint64 {
	all := m.events(org, 0)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Seq
}

// What is refused before it reaches the API leaves an event with its reason: one of who sent
// it where the credential is good, and of nobody elsewhere.
func TestWhatIsRefusedBeforeTheAPILeavesAnEvent(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) { refusedBeforeTheAPI(t, newMCPRigOn(t, dsn)) })
	}
}

func refusedBeforeTheAPI(t *testing.T, m *mcpRig) {
	server := httptest.NewServer(m.a.routes(nil))
	defer server.Close()
	id, key := m.agent("agent", m.vault)
	org := m.rest("GET", "/v1/auth/me", m.owner, "")["org_id"].(string)
	call := func(text string) string { return `{"jsonrpc":"2.0","id":1,"method":` + text + `}` }
	page := [2]string{"Origin", "https://elsewhere.example"}
	long := call(`"tools/call","params":{"name":"list_secrets","arguments":{"prefix":"` + strings.Repeat("x", 300<<10) + `"}}`)
	for name, c := range map[string]struct {
		method, path, key, body string
		header                  [2]string
		status                  int
		action, outcome, reason string
	}{
		"an unknown tool":          {"POST", "/mcp", key, tool("no_such", `{}`), [2]string{}, 200, "request.unknown", "failed", "invalid_params"},
		"no argument":              {"POST", "/mcp", key, tool("get_secret", `{}`), [2]string{}, 200, "request.unknown", "failed", "tool_not_run"},
		"a path upwards":           {"POST", "/mcp", key, tool("get_secret", `{"path":"../x"}`), [2]string{}, 200, "request.unknown", "failed", "tool_not_run"},
		"an unknown method":        {"POST", "/mcp", key, call(`"no/such"`), [2]string{}, 200, "request.unknown", "failed", "unknown_method"},
		"no JSON":                  {"POST", "/mcp", key, `{"json`, [2]string{}, 400, "request.unknown", "failed", "invalid_json"},
		"a batch":                  {"POST", "/mcp", key, `[` + call(`"ping"`) + `]`, [2]string{}, 400, "request.unknown", "failed", "batch_not_supported"},
		"no message":               {"POST", "/mcp", key, `{}`, [2]string{}, 400, "request.unknown", "failed", "bad_request"},
		"a message that is long":   {"POST", "/mcp", key, long, [2]string{}, 413, "request.unknown", "failed", "body_too_large"},
		"a body that is long":      {"POST", "/mcp", key, strings.Repeat(" ", 16<<20), [2]string{}, 413, "request.unknown", "failed", "body_too_large"},
		"an unknown version":       {"POST", "/mcp", key, call(`"tools/list"`), [2]string{"Mcp-Protocol-Version", "1"}, 400, "request.unknown", "failed", "bad_request"},
		"a page of elsewhere":      {"POST", "/mcp", key, tool("list_secrets", `{}`), page, 403, "request.unknown", "denied", "forbidden_origin"},
		"the same for REST":        {"POST", "/v1/vaults", key, `{}`, page, 403, "request.unknown", "denied", "forbidden_origin"},
		"no credential":            {"POST", "/mcp", "", call(`"ping"`), [2]string{}, 401, "auth.failure", "denied", "unauthenticated"},
		"a human's key":            {"POST", "/mcp", "1ck_x", call(`"ping"`), [2]string{}, 401, "auth.failure", "denied", "unauthenticated"},
		"a key that nobody has":    {"POST", "/mcp", "ocv_x", call(`"ping"`), [2]string{}, 401, "auth.failure", "denied", "unauthenticated"},
		"a stream":                 {"GET", "/mcp", key, "", [2]string{}, 405, "request.unknown", "failed", "method_not_allowed"},
		"what is served":           {"POST", "/mcp", key, tool("list_secrets", `{}`), [2]string{}, 200, "secret.list", "success", "*"},
		"a refusal of the API":     {"POST", "/mcp", key, tool("get_secret", `{"path":"none"}`), [2]string{}, 200, "secret.read", "failed", "*"},
		"a call that asks nothing": {"POST", "/mcp", key, call(`"tools/list"`), [2]string{}, 200, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			log, actor := org, id
			if c.key != key || c.header == page || c.status == 405 {
				log, actor = audit.SystemOrg, ""
			}
			m.a.events.Run(ended(t)) // a kind counts as new again
			before := m.head(log)
			for range 2 {
				r, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				if c.key != "" {
					r.Header.Set("Authorization", "Bearer "+c.key)
				}
				if c.header[0] != "" {
					r.Header.Set(c.header[0], c.header[1])
				}
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(res.Body)
				if res.Body.Close(); err != nil || res.StatusCode != c.status {
					t.Errorf("%d %.300s %v", res.StatusCode, b, err)
				}
			}
			want := fmt.Sprintf("%s %s %s %d %s 127.0.0.1", c.action, c.outcome, c.reason, c.status, actor)
			times := 2
			switch {
			case c.action == "":
				times = 0
			case actor == "":
				times = 1 // the second is counted, and written within a minute
			}
			got := m.events(log, before)
			if len(got) != times {
				t.Errorf("%d events, want %d", len(got), times)
			}
			for _, e := range got {
				var d struct {
					Outcome, Reason string
					Status          int
				}
				if err := json.Unmarshal(e.DetailsJSON, &d); err != nil {
					t.Fatal(err)
				}
				if c.reason == "*" { // the API's own
					d.Reason, d.Status = "*", c.status
				}
				if is := fmt.Sprintf("%s %s %s %d %s %s", e.Action, d.Outcome, d.Reason, d.Status, e.ActorID, e.IP); is != want {
					t.Errorf("left %s, want %s", is, want)
				}
			}
			m.a.events.Run(ended(t))
		})
	}
}

// ended is a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
