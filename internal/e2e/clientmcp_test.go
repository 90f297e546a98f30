package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// mcpServer makes the calls of the MCP server: an agent's key is exchanged, each
// segment of a path is escaped, and 0.12 exchanges anew when it is told that its
// token ended.
type mcpServer struct {
	caller
	t     testing.TB
	key   string
	later bool // 0.12, not 0.6
	agent string
	token string
	vault string
	asked int
}

func (m *mcpServer) exchange() {
	m.t.Helper()
	body := map[string]any{"api_key": m.key}
	if !m.later {
		body["agent_id"] = m.agent
	}
	r := m.exchanged(m.t, sent{"POST", "/v1/auth/agent-token", "", body, http.Header{"Content-Type": {"application/json"}}})
	if r.status != http.StatusOK {
		m.t.Fatalf("agent-token: %d %s", r.status, r.body)
	}
	o := shape(m.t, "agent-token", agentToken, any(r.fields(m.t)))
	m.token, m.agent = o["access_token"].(string), o["agent_id"].(string)
	m.asked++
	if m.vault == "" && m.later {
		if bound := o["vault_ids"].([]any); len(bound) == 1 {
			m.vault = bound[0].(string)
		}
	}
}

func (m *mcpServer) call(method, path string, body any, header ...string) *reply {
	m.t.Helper()
	if m.token == "" {
		m.exchange()
	}
	try := func() *reply {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return m.exchanged(m.t, sent{method, path, m.token, body, h})
	}
	r := try()
	if !m.later {
		return r
	}
	ended := r.status == http.StatusUnauthorized
	if r.status == http.StatusForbidden {
		detail, _ := r.fields(m.t)["detail"].(string)
		for _, text := range []string{"no scopes", "scopes do not cover", "token has been revoked"} {
			ended = ended || strings.Contains(detail, text)
		}
	}
	if ended {
		m.exchange()
		r = try()
	}
	return r
}

// tool is a call that must succeed.
func (m *mcpServer) tool(status int, method, path string, body any, header ...string) map[string]any {
	m.t.Helper()
	r := m.call(method, path, body, header...)
	if r.status != status {
		m.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r.fields(m.t)
}

// at is a secret's URL, each segment escaped.
func (m *mcpServer) at(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return "/v1/vaults/" + m.vault + "/secrets/" + strings.Join(segments, "/")
}

func TestTheMCPServersCalls(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	vault := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "mcp"}).ok(201)), "id")
	made := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "mcp", "vault_ids": []string{vault}}).ok(201))
	agentID := text(t, made, "agent", "id")
	policies := "/v1/vaults/" + vault + "/policies"
	grant := map[string]any{"secret_path_pattern": "**", "principal_type": "agent", "principal_id": agentID, "permissions": []string{"read", "write"}}
	owner.call("POST", policies, grant).ok(201)
	for name, m := range map[string]*mcpServer{
		"0.6":  {vault: vault, agent: agentID},
		"0.12": {later: true},
	} {
		t.Run(name, func(t *testing.T) {
			m.caller, m.t, m.key = plain(t, s.APIURL), t, text(t, made, "api_key")
			m.exchange()
			if m.vault != vault || m.agent != agentID {
				t.Fatalf("vault %s of agent %s, want %s of %s", m.vault, m.agent, vault, agentID)
			}
			dir := strings.ReplaceAll(name, ".", "-")
			put := map[string]any{"value": "v1", "type": "api_key", "metadata": map[string]any{"k": "v"}, "expires_at": "2099-01-01T00:00:00Z", "max_access_count": 2}
			if o := shape(t, "put_secret", metaShape, m.tool(201, "PUT", m.at(dir+"/key"), put)); o["version"] != 1.0 || o["type"] != "api_key" {
				t.Errorf("put_secret: %v", o)
			}
			list := shaped(t, "list_secrets", metaShape, any(m.tool(200, "GET", "/v1/vaults/"+m.vault+"/secrets", nil)), "secrets")
			if o := named(t, list, "path", dir+"/key"); o["metadata"].(map[string]any)["k"] != "v" {
				t.Errorf("describe_secret: %v", o)
			}
			for range 2 {
				shape(t, "get_secret", secretShape, m.tool(200, "GET", m.at(dir+"/key"), nil))
			}
			if r := m.call("GET", m.at(dir+"/key"), nil); r.status != http.StatusGone {
				t.Errorf("a secret whose reads are used up: %d", r.status)
			}
			if r := m.call("GET", m.at(dir+"/none"), nil); r.status != http.StatusNotFound {
				t.Errorf("no secret: %d", r.status)
			}
			if o := shape(t, "rotate_and_store", metaShape, m.tool(201, "PUT", m.at(dir+"/key"), map[string]any{"value": "v2", "type": "api_key"})); o["version"] != 2.0 {
				t.Errorf("rotate_and_store: %v", o)
			}
			m.tool(201, "PUT", m.at(dir+"/env"), map[string]any{"value": "A=1\nB=2", "type": "env_bundle", "max_access_count": 0})
			if o := shape(t, "get_env_bundle", secretShape, m.tool(200, "GET", m.at(dir+"/env"), nil)); o["type"] != "env_bundle" {
				t.Errorf("get_env_bundle: %v", o)
			}
			id := m.tool(200, "GET", m.at(dir+"/env"), nil)["id"].(string)
			for _, body := range []map[string]any{
				{"recipient_type": "creator"}, {"recipient_type": "anyone_with_link"}, {"recipient_type": "agent", "recipient_id": agentID},
			} {
				body["expires_at"], body["max_access_count"] = tomorrow(), 5
				shape(t, "share_secret", shareShape, m.tool(201, "POST", "/v1/secrets/"+id+"/share", body))
			}
			m.tool(204, "DELETE", m.at(dir+"/env"), nil)
			if r := m.call("GET", m.at(dir+"/env"), nil); r.status != http.StatusGone {
				t.Errorf("a deleted secret: %d", r.status)
			}
			// grant_access on a vault that is not the agent's.
			if r := m.call("POST", policies, grant); r.status != http.StatusForbidden {
				t.Errorf("grant_access by a stranger to the vault: %d", r.status)
			}
			for _, path := range []string{"/transactions", "/transactions/simulate"} {
				if r := m.call("POST", "/v1/agents/"+m.agent+path, map[string]any{"to": "0x0", "value": "0", "chain": "base"}, "Idempotency-Key", "1"); r.status < 400 {
					t.Errorf("%s: %d", path, r.status)
				}
			}
			// X-Vault-ID, which 0.12 checks over HTTP.
			for id, want := range map[string]int{m.vault: 200, "11111111-2222-4333-8444-555555555555": 404} {
				if r := m.call("GET", "/v1/vaults/"+id, nil); r.status != want && (want == 200 || r.status != 403) {
					t.Errorf("GET vault %s: %d, want %d", id, r.status, want)
				}
			}
		})
	}
}

func TestAnAgentOfTheMCPServerMakesVaults(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	made := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "mcp"}).ok(201))
	m := &mcpServer{caller: plain(t, s.APIURL), t: t, key: text(t, made, "api_key"), later: true}
	if list := m.tool(200, "GET", "/v1/vaults", nil)["vaults"].([]any); len(list) != 0 {
		t.Errorf("list_vaults: %v", list)
	}
	v := shape(t, "create_vault", vaultShape, m.tool(201, "POST", "/v1/vaults", map[string]any{"name": "bots", "description": "x"}))
	if v["created_by_type"] != "agent" || v["created_by"] != m.agent {
		t.Errorf("create_vault: %v", v)
	}
	m.vault = v["id"].(string)
	m.tool(201, "PUT", m.at("a/b"), map[string]any{"value": "v", "type": "api_key"})
	named(t, shaped(t, "list_vaults", vaultShape, any(m.tool(200, "GET", "/v1/vaults", nil)), "vaults"), "id", m.vault)
	// The human who made the agent gets in, as the tool's answer promises.
	owner.call("GET", "/v1/vaults/"+m.vault+"/secrets/a/b", nil).ok(200)
	other := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "other"}).ok(201))
	shape(t, "grant_access", policyShape, m.tool(201, "POST", "/v1/vaults/"+m.vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": text(t, other, "agent", "id"), "permissions": []string{"read"}}))
	// The newcomer sees it with the token that it has: policies are asked live.
	second := &mcpServer{caller: m.caller, t: t, key: text(t, other, "api_key"), vault: m.vault, agent: text(t, other, "agent", "id")}
	second.tool(200, "GET", second.at("a/b"), nil)

	// A token that was revoked is exchanged anew, once.
	m.call("DELETE", "/v1/auth/token", nil)
	before := m.asked
	m.tool(200, "GET", m.at("a/b"), nil)
	if m.asked != before+1 {
		t.Errorf("%d exchanges after a revocation, want one", m.asked-before)
	}
	// An agent's cap is said in the words that make 0.12 exchange anew.
	owner.call("PATCH", "/v1/agents/"+m.agent, map[string]any{"scopes": []string{"elsewhere/**"}}).ok(200)
	eventually(t, "the cap", func() bool { return m.call("GET", m.at("a/b"), nil).status == http.StatusForbidden })
	before = m.asked
	if r := m.call("GET", m.at("a/b"), nil); r.status != http.StatusForbidden || m.asked != before+1 {
		t.Errorf("capped: %d after %d exchanges: %s", r.status, m.asked-before, r.body)
	}
	// Tokens last long enough not to be exchanged before each call.
	if c := m.tokenLife(); c <= time.Minute {
		t.Errorf("a token lasts %v", c)
	}
}

func (m *mcpServer) tokenLife() time.Duration {
	m.t.Helper()
	r := m.want(m.t, 200, "POST", "/v1/auth/agent-token", map[string]string{"api_key": m.key})
	return time.Duration(r["expires_in"].(float64) * float64(time.Second))
}
