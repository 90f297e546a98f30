package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// TestToolsReachNothingOfAnotherOrganisation: to a tool what is another organisation's is what nobody has, by its id or by
// its name, and no request is sent with it.
func TestToolsReachNothingOfAnotherOrganisation(t *testing.T) {
	var calls atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, "the answer")
	}))
	defer service.Close()
	m := newMCPRigOn(t, "", func(c *config.Config) { c.OutboundAllow, c.Signup = "127.0.0.0/8", true })
	host := service.Listener.Addr().String()

	// What the first organisation has.
	theirs, key := m.agent("theirs", m.vault)
	m.rest("PATCH", "/v1/agents/"+theirs, m.owner, `{"execution_intents_enabled":true}`)
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secrets/api-keys/pay", m.owner, `{"value":"sk_live_0123456789"}`)
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secrets/codes/portal", m.owner, `{"type":"totp_seed","value":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`)
	m.rest("PUT", "/v1/vaults/"+m.vault+"/secret-bindings/api-keys/pay", m.owner, `{"bindings":[{"hosts":["`+host+`"]}]}`)
	binding := m.rest("POST", "/v1/agents/"+theirs+"/bindings", m.owner, `{"name":"pay","binding_type":"http","config":{"base_url":"`+service.URL+`"},"credential":"sk_live_9876543210"}`)["id"].(string)
	database := m.rest("POST", "/v1/agents/"+theirs+"/bindings", m.owner, `{"name":"shop","binding_type":"postgres","config":{"host":"127.0.0.1","port":1,"database":"shop","username":"reader","sslmode":"disable"},"credential":"sk_live_9876543210"}`)["id"].(string)
	token := m.rest("POST", "/v1/auth/agent-token", "", `{"api_key":"`+key+`"}`)["access_token"].(string)
	request := m.rest("POST", "/v1/secret-requests", token, `{"vault_id":"`+m.vault+`","path":"wanted","reason":"x"}`)["id"].(string)

	// The other one, with an agent that may do everything in a vault of the same name.
	m.rest("POST", "/v1/auth/signup", "", `{"email":"eve@example.com","password":"Quite-9-Good-Words","display_name":"Eve"}`)
	eve := m.rest("POST", "/v1/auth/token", "", `{"email":"eve@example.com","password":"Quite-9-Good-Words"}`)["access_token"].(string)
	first, owner := m.vault, m.owner
	m.owner = eve
	own := m.newVault("main")
	stranger, strange := m.agent("stranger", own)
	m.rest("PATCH", "/v1/agents/"+stranger, eve, `{"execution_intents_enabled":true}`)

	call := func(key, name, args string) string {
		status, body := m.send(m.mcp, "POST", "/mcp", key, tool(name, args))
		if status != http.StatusOK {
			t.Errorf("%s %s: %d", name, args, status)
		}
		return body
	}
	ask := func(vault string) string {
		return `{"method":"GET","url":"` + service.URL + `/","headers":{"Authorization":"Bearer oneclaw://` + vault + `/api-keys/pay"}}`
	}
	for what, c := range map[string]struct{ tool, args, id string }{
		"a request for a secret":     {"request_secret", `{"request_id":"%s"}`, request},
		"a request in a vault":       {"request_secret", `{"path":"a/b","reason":"x","vault_id":"%s"}`, first},
		"a binding by its id":        {"execute_http", `{"binding":"%s","path":"/"}`, binding},
		"a database by its id":       {"execute_query", `{"binding":"%s","query":"SELECT 1"}`, database},
		"a secret by its vault's id": {"http_request", strings.ReplaceAll(ask("%s"), "%s", "%[1]s"), first},
		"a secret in a vault":        {"http_request", `{"method":"GET","url":"` + service.URL + `/","headers":{"Authorization":"Bearer {{secret:api-keys/pay}}"},"vault_id":"%s"}`, first},
		"a code":                     {"totp_code", `{"path":"codes/portal","vault_id":"%s"}`, first},
		"a value":                    {"get_secret", `{"path":"api-keys/pay","vault_id":"%s"}`, first},
		"a field of it":              {"http_request", strings.ReplaceAll(strings.Replace(ask("%s"), "pay\"", "pay#x\"", 1), "%s", "%[1]s"), first},
	} {
		nobodys := ids.New()
		got, none := call(strange, c.tool, fmt.Sprintf(c.args, c.id)), call(strange, c.tool, fmt.Sprintf(c.args, nobodys))
		if !strings.Contains(got, `"isError":true`) || strings.ReplaceAll(got, c.id, "") != strings.ReplaceAll(none, nobodys, "") {
			t.Errorf("%s: %s\nand of nobody: %s", what, got, none)
		}
	}
	for what, c := range map[string]struct{ tool, args string }{
		"a binding by its name":          {"execute_http", `{"binding":"pay","path":"/"}`},
		"a database by its name":         {"execute_query", `{"binding":"shop","query":"SELECT 1"}`},
		"a secret by its vault's name":   {"http_request", ask("main")},
		"a secret by its path":           {"http_request", `{"method":"GET","url":"` + service.URL + `/","headers":{"Authorization":"Bearer {{secret:api-keys/pay}}"}}`},
		"a code by its path":             {"totp_code", `{"path":"codes/portal"}`},
		"an execution of another's type": {"execute_http", `{"binding":"shop","path":"/"}`},
	} {
		if got := call(strange, c.tool, c.args); !strings.Contains(got, `"isError":true`) || strings.Contains(got, "sk_live") {
			t.Errorf("%s: %s", what, got)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	m.owner = owner
	for _, action := range m.about(stranger) {
		t.Errorf("a stranger is in another organisation's log: %s", action)
	}
	// To its own agent they are there.
	for name, args := range map[string]string{"execute_http": `{"binding":"` + binding + `","path":"/"}`, "request_secret": `{"request_id":"` + request + `"}`} {
		if got := call(key, name, args); strings.Contains(got, `"isError":true`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
