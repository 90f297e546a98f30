package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// typeScript behaves as the TypeScript SDK does: it sends a Content-Type with
// every request, puts paths of secrets into the URL as they are, parses every
// success but 204, and keeps an agent's token until a minute before its end.
type typeScript struct {
	caller
	t       testing.TB
	key     string // an agent's: exchanged before the first request
	token   string
	agentID string
	left    time.Duration
	asked   int // exchanges
}

// envelope is what its methods return.
type envelope struct {
	t       testing.TB
	what    string
	data    any
	kind    string // of the error
	message string
	status  int
	problem map[string]any
}

func newTypeScript(t testing.TB, s *server) *typeScript {
	return &typeScript{caller: plain(t, s.APIURL), t: t}
}

// withToken is the SDK with a token that somebody passed.
func (c *typeScript) withToken(token string) *typeScript {
	return &typeScript{caller: c.caller, t: c.t, token: token}
}

// withAgentKey is the SDK with an agent's key.
func (c *typeScript) withAgentKey(key string) *typeScript {
	return &typeScript{caller: c.caller, t: c.t, key: key}
}

func (c *typeScript) refresh() {
	c.t.Helper()
	if c.key == "" || c.left >= time.Minute {
		return
	}
	e := c.raw("POST", "/v1/auth/agent-token", map[string]any{"api_key": c.key}, "")
	o := shape(c.t, "agent-token", agentToken, e.ok(http.StatusOK))
	c.asked++
	c.token, c.agentID = o["access_token"].(string), o["agent_id"].(string)
	c.left = time.Duration(o["expires_in"].(float64) * float64(time.Second))
}

func (c *typeScript) call(method, path string, body any, header ...string) *envelope {
	c.t.Helper()
	c.refresh()
	return c.raw(method, path, body, c.token, header...)
}

func (c *typeScript) raw(method, path string, body any, token string, header ...string) *envelope {
	c.t.Helper()
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"node"}, "Accept": {"*/*"}, "Accept-Language": {"*"}, "Sec-Fetch-Mode": {"cors"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	r := c.exchanged(c.t, sent{method, path, token, body, h})
	e := &envelope{t: c.t, what: method + " " + path, status: r.status}
	if r.status == http.StatusNoContent {
		return e
	}
	if err := json.Unmarshal(r.body, &e.data); err != nil {
		c.t.Fatalf("%s: %d and no JSON: %q", e.what, r.status, r.body)
	}
	if r.status < 300 {
		return e
	}
	e.problem, _ = e.data.(map[string]any)
	e.data = nil
	for _, name := range []string{"detail", "message", "error"} {
		if e.message, _ = e.problem[name].(string); e.message != "" {
			break
		}
	}
	e.kind = map[int]string{
		400: "validation_error", 401: "auth_error", 403: "auth_error", 402: "payment_required", 404: "not_found", 429: "rate_limit",
	}[r.status]
	if kind, _ := e.problem["type"].(string); r.status == http.StatusForbidden && kind != "about:blank" {
		e.kind = kind
	}
	if e.kind == "" {
		e.kind = "unknown"
	}
	return e
}

// ok wants a success with the status and returns its data.
func (e *envelope) ok(status int) any {
	e.t.Helper()
	if e.status != status {
		e.t.Fatalf("%s: %d, want %d: %v", e.what, e.status, status, e.problem)
	}
	return e.data
}

// is wants an error.
func (e *envelope) is(status int, kind string) *envelope {
	e.t.Helper()
	if e.status != status || e.kind != kind || e.message == "" {
		e.t.Errorf("%s: %d %s %q, want %d %s", e.what, e.status, e.kind, e.message, status, kind)
	}
	return e
}

// owns logs the owner of "oneclaw dev" in.
func (c *typeScript) owns(s *server) *typeScript {
	c.t.Helper()
	o := shape(c.t, "auth.login", loginShape, c.call("POST", "/v1/auth/token", map[string]any{"email": s.Email, "password": s.Password}).ok(200))
	return c.withToken(o["access_token"].(string))
}

func obj(v any) map[string]any { o, _ := v.(map[string]any); return o }

func TestTheTypeScriptClientKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	anyone := newTypeScript(t, s)
	owner := anyone.owns(s)
	vault := shape(t, "vault.create", vaultShape, owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).ok(201))
	id := vault["id"].(string)
	owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).is(409, "unknown")
	shape(t, "vault.get", vaultShape, owner.call("GET", "/v1/vaults/"+id, nil).ok(200))
	shaped(t, "vault.list", vaultShape, owner.call("GET", "/v1/vaults", nil).ok(200), "vaults")
	owner.call("GET", "/v1/vaults/11111111-2222-4333-8444-555555555555", nil).is(404, "not_found")
	if e := owner.call("POST", "/v1/vaults", map[string]any{"name": ""}).is(400, "validation_error"); e.problem["fields"] == nil && e.message == "" {
		t.Error("a validation error says nothing")
	}

	at := "/v1/vaults/" + id + "/secrets"
	set := map[string]any{"value": "v1", "type": "generic"}
	meta := shape(t, "secrets.set", metaShape, owner.call("PUT", at+"/db/main/password", set).ok(201))
	if meta["path"] != "db/main/password" || meta["version"] != 1.0 {
		t.Errorf("secrets.set: %v", meta)
	}
	more := map[string]any{"value": "v2", "type": "password", "metadata": map[string]any{"a": 1}, "expires_at": "2099-01-01T00:00:00Z", "max_access_count": 2, "rotation_policy": map[string]any{}}
	shape(t, "secrets.set", metaShape, owner.call("PUT", at+"/counted", more).ok(201))
	for _, want := range []int{200, 200} {
		shape(t, "secrets.get", secretShape, owner.call("GET", at+"/counted", nil).ok(want))
	}
	owner.call("GET", at+"/counted", nil).is(410, "unknown")
	if o := shape(t, "secrets.rotate", metaShape, owner.call("PUT", at+"/db/main/password", set).ok(201)); o["version"] != 2.0 {
		t.Errorf("rotate: %v", o)
	}
	if o := shape(t, "secrets.get", secretShape, owner.call("GET", at+"/db/main/password", nil).ok(200)); o["value"] != "v1" || o["cmek_encrypted"] == true {
		t.Errorf("get: %v", o)
	}
	list := shaped(t, "secrets.list", metaShape, owner.call("GET", at+"?prefix=db", nil).ok(200), "secrets")
	named(t, list, "path", "db/main/password")
	owner.call("DELETE", at+"/db/main/password", nil).ok(204)
	owner.call("GET", at+"/db/main/password", nil).is(410, "unknown")
	owner.call("GET", at+"/never/was", nil).is(404, "not_found")
	owner.call("PUT", at+"/no.dots", set).is(400, "validation_error")

	// A payment's calls on a server without payments.
	if e := owner.call("GET", at+"?prefix=db", nil); e.status == http.StatusPaymentRequired {
		t.Error("x402.getPaymentRequirement: a server without payments asks for one")
	}
	receipt := `{"x402Version":1,"scheme":"exact","network":"eip155:8453","payload":"0x00"}`
	owner.call("GET", "/v1/vaults/"+id, nil, "X-PAYMENT", receipt).ok(200)
	owner.call("DELETE", "/v1/vaults/"+id, nil).ok(204)
}

func TestTheTypeScriptClientExchangesAnAgentsKey(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	// A call before the exchange is through goes out without a credential.
	owner.withToken("").call("GET", "/v1/vaults", nil).is(401, "auth_error")
	userKey := obj(owner.call("POST", "/v1/auth/api-keys", map[string]any{"name": "k", "scopes": []string{}}).ok(201))
	shape(t, "apiKeys.create", "key:o api_key:s", userKey)
	shape(t, "apiKeys.create", keyShape, userKey["key"])
	shaped(t, "apiKeys.list", keyShape, owner.call("GET", "/v1/auth/api-keys", nil).ok(200), "keys")
	token := shape(t, "api-key-token", tokenShape, owner.raw("POST", "/v1/auth/api-key-token", map[string]any{"api_key": userKey["api_key"]}, "").ok(200))
	owner.withToken(token["access_token"].(string)).call("GET", "/v1/vaults", nil).ok(200)

	made := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "bot", "description": "", "scopes": []string{"vault:read"}, "auth_method": "api_key"}).ok(201))
	a := shape(t, "agents.create", agentShape, made["agent"])
	agentID, key := a["id"].(string), made["api_key"].(string)
	vault := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).ok(201)), "id")
	secret := "/v1/vaults/" + vault + "/secrets/api/key"
	owner.call("PUT", secret, map[string]any{"value": "v", "type": "generic"}).ok(201)
	agent := owner.withAgentKey(key)
	agent.call("GET", secret, nil).is(403, "auth_error")
	grant := map[string]any{"secret_path_pattern": "api/**", "principal_type": "agent", "principal_id": agentID, "permissions": []string{"read"}, "conditions": map[string]any{}, "expires_at": nil}
	policy := shape(t, "access.grantAgent", policyShape, owner.call("POST", "/v1/vaults/"+vault+"/policies", grant).ok(201))
	shaped(t, "access.listGrants", policyShape, owner.call("GET", "/v1/vaults/"+vault+"/policies", nil).ok(200), "policies")
	shape(t, "access.update", policyShape, owner.call("PUT", "/v1/vaults/"+vault+"/policies/"+policy["id"].(string), map[string]any{"permissions": []string{"read", "write"}}).ok(200))
	for range 3 {
		shape(t, "secrets.get", secretShape, agent.call("GET", secret, nil).ok(200))
	}
	if agent.asked != 1 || agent.agentID != agentID {
		t.Errorf("%d exchanges for agent %s, want one for %s", agent.asked, agent.agentID, agentID)
	}
	shape(t, "agents.getSelf", selfShape, agent.call("GET", "/v1/agents/me", nil).ok(200))
	agent.call("POST", "/v1/agents", map[string]any{"name": "x"}).is(403, "auth_error")
	agent.raw("POST", "/v1/auth/agent-token", map[string]any{"api_key": key, "agent_id": vault}, "").is(401, "auth_error")

	shaped(t, "agents.list", agentShape, owner.call("GET", "/v1/agents", nil).ok(200), "agents")
	shape(t, "agents.get", agentShape, owner.call("GET", "/v1/agents/"+agentID, nil).ok(200))
	update := map[string]any{"name": "bot2", "vault_ids": []string{vault}, "token_ttl_seconds": 600, "tx_max_value_eth": nil, "expires_at": nil}
	if o := shape(t, "agents.update", agentShape, owner.call("PATCH", "/v1/agents/"+agentID, update).ok(200)); o["name"] != "bot2" || o["token_ttl_seconds"] != 600.0 {
		t.Errorf("agents.update: %v", o)
	}
	shape(t, "agents.rotateIdentityKeys", agentShape, owner.call("POST", "/v1/agents/"+agentID+"/rotate-identity-keys", nil).ok(200))
	rotated := shape(t, "agents.rotateKey", "api_key:s", owner.call("POST", "/v1/agents/"+agentID+"/rotate-key", nil).ok(200))
	owner.raw("POST", "/v1/auth/agent-token", map[string]any{"api_key": key}, "").is(401, "auth_error")
	agent = owner.withAgentKey(rotated["api_key"].(string))
	agent.call("GET", secret, nil).ok(200)
	// Transactions are not there yet: the SDK gets JSON, not a broken answer.
	if e := agent.call("POST", "/v1/agents/"+agentID+"/transactions", map[string]any{"to": "0x0", "value": "0", "chain": "base"}, "Idempotency-Key", "x"); e.status < 400 {
		t.Errorf("agents.submitTransaction: %d", e.status)
	}
	enrolled := shape(t, "agents.enroll", "agent_id:s message:s", owner.raw("POST", "/v1/agents/enroll", map[string]any{"name": "e", "human_email": "nobody@example.com"}, "").ok(201))
	if enrolled["agent_id"] != "00000000-0000-0000-0000-000000000000" {
		t.Errorf("enroll: %v", enrolled)
	}
	owner.call("DELETE", "/v1/vaults/"+vault+"/policies/"+policy["id"].(string), nil).ok(204)
	agent.call("GET", secret, nil).is(403, "auth_error")
	owner.call("DELETE", "/v1/agents/"+agentID, nil).ok(204)
	agent.call("GET", secret, nil).is(401, "auth_error")
	owner.call("DELETE", "/v1/auth/api-keys/"+text(t, userKey, "key", "id"), nil).ok(204)
	if !strings.HasPrefix(key, "ocv_") || len(key) != 47 {
		t.Errorf("the key is %d characters", len(key))
	}
}
