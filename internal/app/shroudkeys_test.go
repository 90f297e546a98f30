package app

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// routerKey makes a router key of the rig's agent.
func (r *shroudRig) routerKey() (id, key string) {
	r.t.Helper()
	made := r.rest("POST", "/v1/agents/"+r.agent+"/router-keys", r.owner, `{"name":"notebook"}`)
	return made["key"].(map[string]any)["id"].(string), made["api_key"].(string)
}

// bearer are the headers of a stock client of OpenAI's.
func bearer(key string) http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + key}}
}

// on runs a test of Shroud on both databases.
func on(t *testing.T, test func(t *testing.T, r *shroudRig)) {
	t.Helper()
	for name, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(name, func(t *testing.T) { test(t, shroudOn(t, dsn)) })
	}
}

// TestARouterKeyCallsModelsAndNothingElse: not over MCP, not on the API, no other secret, no
// transaction; and what its agent may use is hidden from models all the same.
func TestARouterKeyCallsModelsAndNothingElse(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		put := func(path, value string) {
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, `{"type":"api_key","value":"`+value+`"}`)
		}
		put("providers/openai/api-key", "sk-from-the-path")
		put("providers/mistral/api-key", "sk-of-mistral")
		put("mine/other", "sk-from-the-name")
		id, key := r.routerKey()
		ask := strings.Replace(hello, "Hello", "It is sk-from-the-name.", 1)
		got := r.send("POST", chat, ask, bearer(key))
		if last := r.stub.Last(); got.status != 200 || last.Key() != "sk-from-the-path" || strings.Contains(string(last.Body), "sk-from-the-name") {
			t.Fatalf("%d %s, sent %s with %s", got.status, got.body, last.Body, last.Key())
		}
		if got := r.send("POST", chat, strings.Replace(hello, "gpt-5", "mistral/small", 1), bearer(key)); got.status != 200 || r.stub.Last().Key() != "sk-of-mistral" {
			t.Errorf("another provider: %d %s", got.status, got.body)
		}
		if got := r.send("GET", "/v1/models", "", bearer(key)); got.status != 200 {
			t.Errorf("models: %d %s", got.status, got.body)
		}
		if got := r.send("POST", chat, hello, http.Header{"X-Shroud-Agent-Key": {r.agent + ":" + key}}); got.status != 200 {
			t.Errorf("behind its agent's id: %d %s", got.status, got.body)
		}
		n := len(r.stub.Requests())
		h := bearer(key)
		h.Set("X-Shroud-Api-Key", "vault://"+r.vault+"/mine/other")
		r.refused("another secret as a provider's key", 403, r.send("POST", chat, hello, h))
		for _, path := range []string{"/v1/agents/" + r.agent + "/transactions", "/v1/shroud/activity"} {
			if got := r.send("GET", path, "", bearer(key)); got.status != 401 {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if status, body := r.mcpRig.send(r.mcp, "POST", "/mcp", key, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); status != 401 {
			t.Errorf("MCP: %d %s", status, body)
		}
		if status, body := r.mcpRig.send(r.a.api, "GET", "/v1/vaults/"+r.vault+"/secrets/mine/other", key, ""); status != 401 {
			t.Errorf("the API: %d %s", status, body)
		}
		if len(r.stub.Requests()) != n {
			t.Error("what was refused went on")
		}
		_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?limit=100", r.owner, "")
		if !strings.Contains(events, id) || !strings.Contains(events, "router_key_elsewhere") || strings.Contains(events, key) {
			t.Errorf("the log has %s", events)
		}
	})
}

// TestARouterKeyEndsWithItsAgent: on Shroud's port as in the listing.
func TestARouterKeyEndsWithItsAgent(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		call := func(key string) int {
			h := bearer(key)
			h.Set("X-Shroud-Api-Key", providerKey)
			return r.send("POST", chat, hello, h).status
		}
		id, key := r.routerKey()
		_, other := r.routerKey()
		if call(key) != 200 || call(other) != 200 || call(key[:len(key)-1]+"x") != 401 {
			t.Fatal("the keys don't do, or others do")
		}
		if status, body := r.mcpRig.send(r.a.api, "DELETE", "/v1/agents/"+r.agent+"/router-keys/"+id, r.owner, ""); status != 204 {
			t.Fatal(status, body)
		}
		if call(key) != 401 || call(other) != 200 {
			t.Error("a revoked key works, or another does not")
		}
		r.rest("POST", "/v1/agents/"+r.agent+"/freeze", r.owner, `{}`)
		if got := call(other); got != 403 {
			t.Errorf("frozen: %d", got)
		}
		r.rest("POST", "/v1/agents/"+r.agent+"/rotate-key", r.owner, "")
		if got := call(other); got != 401 {
			t.Errorf("after another key: %d", got)
		}
	})
}

// TestNoCallBeginsAfterARevocation: many call while the key is revoked; whoever begins after
// the revocation was answered gets nowhere.
func TestNoCallBeginsAfterARevocation(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		for range 3 {
			id, key := r.routerKey()
			h := bearer(key)
			h.Set("X-Shroud-Api-Key", providerKey)
			var revoked atomic.Bool
			var all sync.WaitGroup
			begun := make(chan struct{}, 8)
			for range 8 {
				all.Go(func() {
					for i := range 12 {
						late := revoked.Load()
						got := r.send("POST", chat, hello, h)
						if got.status != 401 && (late || got.status != 200) {
							t.Errorf("after the revocation %v: %d %s", late, got.status, got.body)
						}
						if i == 2 {
							begun <- struct{}{}
						}
					}
				})
			}
			<-begun
			if status, body := r.mcpRig.send(r.a.api, "DELETE", "/v1/agents/"+r.agent+"/router-keys/"+id, r.owner, ""); status != 204 {
				t.Error(status, body)
			}
			revoked.Store(true)
			all.Wait()
			if got := r.send("POST", chat, hello, h); got.status != 401 {
				t.Errorf("at the end: %d", got.status)
			}
		}
	})
}

// TestShroudTellsWhatVouchesForIt: nothing does, and who asks needs no credential.
func TestShroudTellsWhatVouchesForIt(t *testing.T) {
	r := shroud(t)
	if got := r.send("GET", "/v1/shroud/attestation", "", http.Header{}); got.status != 200 || !strings.Contains(got.body, `"attested":false,"attestation_level":"none"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestShroudTakesVaultsByName: those that the agent may use alone.
func TestShroudTakesVaultsByName(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		const path = "/mine/key"
		vaults := map[string]string{}
		for _, name := range []string{"team keys", "a/b%", "hidden"} {
			id := r.newVault(name)
			vaults[name] = id
			r.rest("PUT", "/v1/vaults/"+id+"/secrets"+path, r.owner, `{"type":"api_key","value":"sk-of `+name+`"}`)
			if name != "hidden" {
				r.rest("POST", "/v1/vaults/"+id+"/policies", r.owner, `{"secret_path_pattern":"mine/*","principal_type":"agent","principal_id":"`+r.agent+`","permissions":["read"]}`)
			}
		}
		by := func(ref string) said { return r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", "vault://"+ref)) }
		for ref, want := range map[string]string{"team keys": "team keys", "team%20keys": "team keys", "a%2Fb%25": "a/b%", vaults["team keys"]: "team keys"} {
			if got := by(ref + path); got.status != 200 || r.stub.Last().Key() != "sk-of "+want {
				t.Errorf("%s: %d %s, %q", ref, got.status, got.body, r.stub.Last().Key())
			}
		}
		n := len(r.stub.Requests())
		none, hidden := by("nobody"+path), by("hidden"+path)
		r.refused("a name that no vault has", 401, none)
		r.refused("a vault of others", 401, hidden)
		if none.body != hidden.body {
			t.Errorf("what is not there answers %s, what may not be used %s", none.body, hidden.body)
		}
		r.refused("a name in other letters", 401, by("Team keys"+path))
		for _, ref := range []string{"team%2" + path, path, "team keys", "team keys/"} {
			r.refused(ref, 400, by(ref))
		}
		if len(r.stub.Requests()) != n {
			t.Error("what was refused went on")
		}
	})
}
