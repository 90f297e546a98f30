package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// sidecar makes the calls by which the Shroud sidecar gives itself a vault, an
// agent and a policy with its human's key.
type sidecar struct {
	caller
	t     testing.TB
	token string
	vault string
	agent string
	key   string
}

func (c *sidecar) call(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	r := c.exchanged(c.t, sent{method, path, c.token, body, http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Go-http-client/1.1"}}})
	return r.status, r.fields(c.t)
}

// bootstrap returns the status that the vault's creation had.
func (c *sidecar) bootstrap(master, name string) int {
	c.t.Helper()
	status, o := c.call("POST", "/v1/auth/api-key-token", map[string]any{"api_key": master})
	if status != http.StatusOK {
		c.t.Fatalf("api-key-token: %d %v", status, o)
	}
	c.token = shape(c.t, "api-key-token", tokenShape, any(o))["access_token"].(string)
	created, v := c.call("POST", "/v1/vaults", map[string]any{"name": name})
	if created > 299 {
		_, all := c.call("GET", "/v1/vaults", nil)
		v = named(c.t, shaped(c.t, "vaults", vaultShape, any(all), "vaults"), "name", name)
	}
	c.vault = v["id"].(string)
	status, o = c.call("POST", "/v1/agents", map[string]any{"name": name, "vault_ids": []string{c.vault}, "shroud_enabled": true, "description": "sidecar"})
	if status > 299 {
		c.t.Fatalf("agents: %d %v", status, o)
	}
	c.agent, c.key = text(c.t, o, "agent", "id"), text(c.t, o, "api_key")
	if status, o = c.call("POST", "/v1/vaults/"+c.vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": c.agent, "permissions": []string{"read", "write"}}); status != http.StatusCreated {
		c.t.Fatalf("policies: %d %v", status, o)
	}
	return created
}

func TestTheSidecarGivesItselfWhatItNeeds(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	master := text(t, obj(owner.call("POST", "/v1/auth/api-keys", map[string]any{"name": "master"}).ok(201)), "api_key")
	first := &sidecar{caller: plain(t, s.APIURL), t: t}
	if status := first.bootstrap(master, "sidecar"); status != http.StatusCreated {
		t.Errorf("vaults: %d", status)
	}
	// A second one finds the vault of that name, also where no more are allowed.
	second := &sidecar{caller: first.caller, t: t}
	if status := second.bootstrap(master, "sidecar"); status != http.StatusConflict || second.vault != first.vault {
		t.Errorf("vaults: %d, %s and %s", status, second.vault, first.vault)
	}
	agent := owner.withAgentKey(second.key)
	agent.call("PUT", "/v1/vaults/"+second.vault+"/secrets/providers/openai/api-key", map[string]any{"value": "v", "type": "api_key"}).ok(201)
	if me := shape(t, "agents/me", selfShape, agent.call("GET", "/v1/agents/me", nil).ok(200)); me["shroud_enabled"] != true {
		t.Errorf("agents/me: %v", me)
	}
	for _, c := range []*sidecar{second, first} {
		if status, o := c.call("DELETE", "/v1/agents/"+c.agent, nil); status > 299 {
			t.Errorf("delete the agent: %d %v", status, o)
		}
	}
	if status, o := first.call("DELETE", "/v1/vaults/"+first.vault, nil); status > 299 {
		t.Errorf("delete the vault: %d %v", status, o)
	}
}

// What clients say when a tier's limit is reached comes from the detail.
func TestALimitIsSaidInTheWordsThatClientsKnow(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	me := obj(owner.call("GET", "/v1/auth/me", nil).ok(200))
	owner.call("PUT", "/v1/admin/orgs/"+me["org_id"].(string)+"/billing-tier", map[string]any{"tier": "free", "duration_days": 1}).ok(200)
	for _, what := range []struct{ path, word string }{{"/v1/vaults", "Vault limit reached"}, {"/v1/agents", "Agent limit reached"}} {
		var e *envelope
		for i := range 60 {
			if e = owner.call("POST", what.path, map[string]any{"name": strings.Repeat("x", i+1)}); e.status != http.StatusCreated {
				break
			}
		}
		if e.is(403, "resource_limit_exceeded"); !strings.HasPrefix(e.message, what.word) {
			t.Errorf("%s: %q", what.path, e.message)
		}
	}
}
