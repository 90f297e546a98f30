package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// lend makes a binding named pay whose credential is lent from a vault by somebody.
func (x *executing) lend(token, path string) reply {
	x.t.Helper()
	return x.do("POST", x.at("/bindings"), token, object{
		"name": "pay", "binding_type": "http", "config": object{"base_url": x.up.URL},
		"credential_source": object{"type": "vault_ref", "vault_id": x.vault, "path": path},
	})
}

// readable lets somebody read what is below keys/. It returns the policy.
func (x *executing) readable(h *human) string {
	x.t.Helper()
	return x.do("POST", "/v1/vaults/"+x.vault+"/policies", x.ada.token, object{
		"principal_type": "user", "principal_id": h.id, "secret_path_pattern": "keys/*", "permissions": []string{"read"},
	}).want(201).str("id")
}

func (x *executing) rows(query string) (n int) {
	x.Each(query, func(scan func(...any) error) error { return scan(&n) })
	return n
}

// An agent has its own bindings alone, and changes none; what is another organisation's is not there.
func TestBindingsOfOthersAreNotReached(t *testing.T) {
	x := openExecuting(t)
	id := x.bind(nil).want(201).str("id")
	other := x.ada.agent(object{"name": "other", "execution_intents_enabled": true})
	mia, eve := x.ada.member("mia", "member"), x.signup("eve")
	change, credential := object{"is_active": false}, object{"credential": "sk-12345678"}
	for _, r := range []struct {
		method, path string
		body         object
	}{
		{"GET", "/bindings", nil}, {"GET", "/bindings/" + id, nil}, {"PATCH", "/bindings/" + id, change}, {"DELETE", "/bindings/" + id, nil},
		{"POST", "/bindings/" + id + "/test", nil}, {"POST", "/bindings/" + id + "/rotate-credential", credential},
		{"POST", "/execute", object{"binding": "pay", "intent_type": "http", "params": object{}}}, {"GET", "/executions", nil},
		{"POST", "/bindings", x.goodBodies()["create-agent-binding"]},
	} {
		var body any
		if r.body != nil {
			body = r.body
		}
		got, none := x.do(r.method, x.at(r.path), other.token, body), x.do(r.method, "/v1/agents/"+nobodysID+r.path, other.token, body)
		if got.status != 403 || string(got.body) != string(none.body) {
			t.Errorf("%s %s as another agent: %d %s, and of none %d %s", r.method, r.path, got.status, got.body, none.status, none.body)
		}
		for name, token := range map[string]string{"a member": mia.token, "another organisation": eve.token} {
			got, none := x.do(r.method, x.at(r.path), token, body), x.do(r.method, "/v1/agents/"+nobodysID+r.path, token, body)
			if got.status != 404 && got.status != 403 || string(got.body) != string(none.body) || got.status != none.status {
				t.Errorf("%s %s as %s: %d %s, and of none %d %s", r.method, r.path, name, got.status, got.body, none.status, none.body)
			}
		}
		if r.path != "/execute" && r.method != "GET" {
			x.do(r.method, x.at(r.path), x.agent.token, body).want(403)
		}
	}
	// The binding of one agent is no other's.
	at := "/v1/agents/" + other.id
	x.do("GET", at+"/bindings/"+id, x.ada.token, nil).want(404, "agent_binding_not_found")
	x.do("PATCH", at+"/bindings/"+id, x.ada.token, change).want(404, "agent_binding_not_found")
	for _, name := range []string{"pay", id} {
		x.do("POST", at+"/execute", other.token, object{"binding": name, "intent_type": "http", "params": object{}}).want(404, "agent_binding_not_found")
	}
	x.do("POST", x.at("/execute"), x.ada.token, object{"binding": "pay", "intent_type": "http", "params": object{}}).want(403)
	if x.up.calls() != 0 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
	x.runs(object{}).want(200)
}

// The vault of credentials opens for executions, and for nobody in any other way.
func TestNobodyReadsTheCredentialsOfBindings(t *testing.T) {
	x := openExecuting(t)
	x.bind(nil).want(201)
	own := ""
	for _, v := range x.do("GET", "/v1/vaults", x.ada.token, nil).want(200).list("vaults") {
		if v["name"] == "__agent-bindings" {
			own = v["id"].(string)
		}
	}
	paths := x.do("GET", "/v1/vaults/"+own+"/secrets", x.ada.token, nil).want(200).list("secrets")
	if own == "" || len(paths) != 1 {
		t.Fatalf("the vault %q has %v", own, paths)
	}
	path := paths[0]["path"].(string)
	plain := x.ada.agent(object{"name": "plain"})
	for name, token := range map[string]string{"an owner": x.ada.token, "the agent": x.agent.token, "another agent": plain.token} {
		for _, at := range []string{secretAt(own, path), "/v1/vaults/" + own + "/secret-version/" + path + "/1"} {
			if got := x.do("GET", at, token, nil); got.status != 403 && got.status != 404 {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		got := x.do("POST", "/v1/http-request", token, object{"method": "GET", "url": x.up.URL + "/", "headers": object{"Authorization": "Bearer oneclaw://" + own + "/" + path}})
		if got.status != 403 && got.status != 404 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	x.do("PUT", "/v1/vaults/"+own+"/secret-bindings/"+path, x.ada.token, object{"bindings": []object{{"hosts": []string{x.up.host()}}}}).want(403)
	x.do("DELETE", secretAt(own, path), x.ada.token, nil).want(403)
	x.do("POST", x.at("/bindings"), x.ada.token, object{
		"name": "stolen", "binding_type": "http", "config": object{"base_url": x.up.URL}, "credential_source": object{"type": "vault_ref", "vault_id": own, "path": path},
	}).want(404)
	if x.up.calls() != 0 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}

// What is lent is lent by somebody who may read it, and only for as long.
func TestALentCredentialEndsWithItsRight(t *testing.T) {
	x := openExecuting(t)
	x.ada.put(x.vault, "keys/pay", hiddenValue)
	mia := x.ada.member("mia", "admin")
	x.lend(mia.token, "keys/pay").want(404, "secret_not_found") // an admin reads nothing that no policy gives
	x.lend(x.ada.token, "keys/none").want(404, "secret_not_found")
	grant := x.readable(mia)
	made := x.lend(mia.token, "keys/pay").want(201)
	if made.str("credential_source_type") != "vault_ref" || made.str("credential_path") != "keys/pay" || made.str("credential_vault_id") != x.vault {
		t.Errorf("got %s", made.body)
	}
	x.runs(object{}).want(200)
	if got := x.up.got[0].Header.Get("Authorization"); got != "Bearer "+hiddenValue {
		t.Errorf("the service got %q", got)
	}
	x.do("DELETE", "/v1/vaults/"+x.vault+"/policies/"+grant, x.ada.token, nil).want(204)
	if events := x.Events(x.ada.org); !strings.Contains(string(events[len(events)-1].DetailsJSON), "agent_bindings=1") {
		t.Errorf("the log has %s", events[len(events)-1].DetailsJSON)
	}
	x.runs(object{}).want(403, "agent_binding_inactive")
	grant = x.readable(mia) // for another reason: it lends nothing again
	x.runs(object{}).want(403, "agent_binding_inactive")
	anew := object{"credential_source": object{"type": "vault_ref", "vault_id": x.vault, "path": "keys/pay"}}
	x.do("PATCH", x.at("/bindings/"+made.str("id")), mia.token, anew).want(200)
	x.runs(object{}).want(200)
	// One that lasts for a time: what has expired lends nothing again, either.
	x.do("PUT", "/v1/vaults/"+x.vault+"/policies/"+grant, x.ada.token, object{"permissions": []string{"read"}, "expires_at": x.Clock.Now().Add(time.Minute)}).want(200)
	x.runs(object{}).want(200)
	x.Clock.Forward(2 * time.Minute)
	x.runs(object{}).want(403, "agent_binding_lapsed")
	x.readable(mia)
	x.runs(object{}).want(403, "agent_binding_inactive")
	x.do("PATCH", x.at("/bindings/"+made.str("id")), mia.token, anew).want(200)
	x.runs(object{}).want(200)
	x.do("DELETE", secretAt(x.vault, "keys/pay"), x.ada.token, nil).want(204)
	x.runs(object{}).want(410)
	x.ada.put(x.vault, "keys/pay", hiddenValue)
	x.runs(object{}).want(200)
	// To have it sent elsewhere takes who lent it, or another credential.
	x.do("PATCH", x.at("/bindings/"+made.str("id")), x.ada.token, object{"config": object{"base_url": "https://evil.example"}}).want(403, "credential_of_another")
	x.do("PATCH", x.at("/bindings/"+made.str("id")), x.ada.token, object{"guardrails": object{"allowed_hosts": []string{"evil.example"}}}).want(403, "credential_of_another")
	x.do("PATCH", "/v1/org/members/"+mia.id, x.ada.token, object{"role": "member"}).want(200)
	x.runs(object{}).want(404, "agent_binding_not_found") // the agent is not mia's
	if x.up.calls() != 5 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}

func TestAPrivateKeyIsLentToNoBinding(t *testing.T) {
	x := openExecuting(t)
	x.do("PUT", secretAt(x.vault, "id"), x.ada.token, object{"type": "ssh_key", "value": "-----BEGIN OPENSSH PRIVATE KEY-----"}).want(201)
	x.lend(x.ada.token, "id").want(201)
	x.runs(object{}).want(403, "private_key_not_sent")
	if x.up.calls() != 0 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}

// What an owner or admin switched off, the member whose agent it is does not switch on: neither with the
// owner's credential nor with its own.
func TestABindingThatAnOwnerSwitchedOffStaysOff(t *testing.T) {
	x := openExecuting(t)
	carl := x.ada.member("carl", "member")
	x.agent = carl.agent(object{"name": "carls"})
	x.do("PATCH", x.at(""), x.ada.token, object{"execution_intents_enabled": true}).want(200)
	at := x.at("/bindings/" + x.bind(nil).want(201).str("id"))
	on, off := object{"is_active": true}, object{"is_active": false}
	x.do("PATCH", at, carl.token, off).want(200)
	x.do("PATCH", at, carl.token, on).want(200) // what he switched off himself
	x.runs(object{}).want(200)
	x.do("PATCH", at, x.ada.token, off).want(200)
	own := object{"is_active": true, "credential": "sk-of-carl-1234"}
	for _, change := range []object{on, own} {
		x.do("PATCH", at, carl.token, change).want(403, "set_by_manager")
	}
	x.do("PATCH", at, carl.token, off).want(200) // it is off: that it was the owner is not forgotten
	x.do("PATCH", at, carl.token, on).want(403, "set_by_manager")
	x.runs(object{}).want(403, "agent_binding_inactive")
	x.do("PATCH", at, x.ada.token, on).want(200)
	x.runs(object{}).want(200)
}

// An inline credential goes where its setter said. Another who manages the agent sends a credential of
// its own to other places.
func TestAnothersCredentialIsNotSentElsewhere(t *testing.T) {
	x := openExecuting(t)
	made := x.bind(nil).want(201)
	at := x.at("/bindings/" + made.str("id"))
	mia := x.ada.member("mia", "admin")
	evil := openUpstream(t)
	for _, change := range []object{
		{"config": object{"base_url": evil.URL}}, {"guardrails": object{"allowed_hosts": []string{evil.host()}}, "config": object{"base_url": nil}}, {"allowed_paths": []string{"/**"}},
	} {
		x.do("PATCH", at, mia.token, change).want(403, "credential_of_another")
	}
	x.do("PATCH", at, mia.token, object{"is_active": false}).want(200)
	x.runs(object{}).want(403, "agent_binding_inactive")
	x.do("PATCH", at, mia.token, object{"is_active": true}).want(200)
	x.runs(object{}).want(200)
	x.do("PATCH", at, mia.token, object{"config": object{"base_url": evil.URL}, "credential": "sk-of-mia-1234"}).want(200)
	x.runs(object{}).want(200)
	if got := evil.got[0].Header.Get("Authorization"); got != "Bearer sk-of-mia-1234" || x.up.calls() != 1 {
		t.Errorf("the other host got %q", got)
	}
	x.do("PATCH", at, x.ada.token, object{"config": object{"base_url": x.up.URL}}).want(403, "credential_of_another")
	x.do("POST", at+"/rotate-credential", x.ada.token, object{"credential": "sk-of-ada-1234"}).want(200)
	x.do("PATCH", at, x.ada.token, object{"config": object{"base_url": x.up.URL}}).want(200)
	x.runs(object{}).want(200)
	if n := x.rows(`SELECT COUNT(*) FROM secret_versions v JOIN vaults ON vaults.id = v.vault_id WHERE vaults.name = '__agent-bindings'`); n != 1 {
		t.Errorf("%d credentials are kept", n)
	}
}

// A binding ends with the credential that made it, or that changed it since, and with its setter.
func TestABindingEndsWithWhatMadeIt(t *testing.T) {
	x := openExecuting(t)
	key := x.do("POST", "/v1/auth/api-keys", x.ada.token, object{"name": "k"}).want(201)
	revoke := func(key reply) string {
		return x.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), x.ada.token, nil).want(204).header.Get("X-Ended")
	}
	body := x.goodBodies()["create-agent-binding"]
	x.do("POST", x.at("/bindings"), key.str("api_key"), body).want(201)
	if got := revoke(key); got != "agent_bindings=1" {
		t.Errorf("what ended is %q", got)
	}
	x.runs(object{}).want(404, "agent_binding_not_found")
	made := x.bind(nil).want(201)
	second := x.do("POST", "/v1/auth/api-keys", x.ada.token, object{"name": "k2"}).want(201)
	x.do("PATCH", x.at("/bindings/"+made.str("id")), second.str("api_key"), object{"guardrails": object{"read_only": true}}).want(200)
	if got := x.do("GET", "/v1/auth/api-keys/"+second.str("key", "id")+"/made", x.ada.token, nil).want(200); !strings.Contains(string(got.body), "agent_binding_change") {
		t.Errorf("it made %s", got.body)
	}
	if got := revoke(second); got != "agent_bindings=1" {
		t.Errorf("what ended is %q", got)
	}
	third := x.do("POST", "/v1/auth/api-keys", x.ada.token, object{"name": "k3"}).want(201)
	made = x.bind(nil).want(201)
	x.do("PATCH", x.at("/bindings/"+made.str("id")), third.str("api_key"), object{"is_active": false}).want(200)
	if got := revoke(third); got != "" {
		t.Errorf("what ended is %q", got)
	}
	x.do("DELETE", x.at("/bindings/"+made.str("id")), x.ada.token, nil).want(204)
	mia := x.ada.member("mia", "admin")
	x.do("POST", x.at("/bindings"), mia.token, body).want(201)
	if got := x.do("DELETE", "/v1/org/members/"+mia.id, x.ada.token, nil).want(204).header.Get("X-Ended"); !strings.Contains(got, "agent_bindings=1") {
		t.Errorf("what ended is %q", got)
	}
	if n := x.rows(`SELECT COUNT(*) FROM agent_bindings`) + x.rows(`SELECT COUNT(*) FROM secret_versions v JOIN vaults ON vaults.id = v.vault_id WHERE vaults.name = '__agent-bindings'`); n != 0 {
		t.Errorf("%d rows stay", n)
	}
}

// Whatever ends the right while the other server answers: nothing of the answer is shown.
func TestARightThatEndsDuringAnExecutionShowsNothing(t *testing.T) {
	for name, end := range map[string]func(x *executing, at string){
		"stopped": func(x *executing, at string) { x.do("PATCH", at, x.ada.token, object{"is_active": false}).want(200) },
		"deleted": func(x *executing, at string) { x.do("DELETE", at, x.ada.token, nil).want(204) },
		"rotated": func(x *executing, at string) {
			x.do("POST", at+"/rotate-credential", x.ada.token, object{"credential": "sk-12345678"}).want(200)
		},
		"for others": func(x *executing, at string) {
			x.do("PATCH", at, x.ada.token, object{"guardrails": object{"allowed_paths": []string{"/b"}}}).want(200)
		},
		"frozen":     func(x *executing, _ string) { x.do("POST", x.at("/freeze"), x.ada.token, nil).want(200) },
		"all frozen": func(x *executing, _ string) { x.do("POST", "/v1/org/freeze", x.ada.token, nil).want(200) },
		"switched off": func(x *executing, _ string) {
			x.do("PATCH", x.at(""), x.ada.token, object{"execution_intents_enabled": false}).want(200)
		},
		"bounded": func(x *executing, _ string) {
			x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": object{"allowed_hosts": []string{"a.example"}}}).want(200)
		},
		"another key":     func(x *executing, _ string) { x.do("POST", x.at("/rotate-key"), x.ada.token, nil).want(200) },
		"the agent's end": func(x *executing, _ string) { x.do("DELETE", x.at(""), x.ada.token, nil).want(204) },
	} {
		t.Run(name, func(t *testing.T) {
			x := openExecuting(t)
			at := x.at("/bindings/" + x.bind(nil).want(201).str("id"))
			x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				end(x, at)
				_, _ = w.Write([]byte("the answer"))
			}
			got := x.runs(object{"path": "/a"})
			if got.want(403, "right_ended"); !strings.Contains(string(got.body), "is not known") || strings.Contains(string(got.body), "the answer") {
				t.Errorf("got %s", got.body)
			}
			var used bool
			for _, e := range x.Events(x.ada.org) {
				used = used || e.Action == "secret.used" && strings.Contains(string(e.DetailsJSON), `"outcome":"error"`)
			}
			if !used {
				t.Error("the log does not say that nothing was shown")
			}
			list := x.do("GET", x.at("/executions"), x.ada.token, nil).want(200).list("events")
			if len(list) != 1 || list[0]["status"] != "error" {
				t.Errorf("the list has %v", list)
			}
			if x.up.calls() != 1 {
				t.Errorf("%d requests were sent", x.up.calls())
			}
		})
	}
}

// The database hangs while the other server works: the caller must not be told that nothing was changed, or it
// pays twice.
func TestWhatWasSentIsNotToldAsUndone(t *testing.T) {
	var hang func(bool)
	x := openExecuting(t, onPostgres, func(s *setup) {
		before := s.Store
		s.Store = func(c *store.Config) {
			before(c)
			proxy, dsn := pgtest.Hanging(t, c.PostgresDSN)
			c.PostgresDSN, hang = dsn, proxy.Hang
		}
	})
	x.bind(nil).want(201)
	x.ada.put(x.vault, "k", hiddenValue)
	x.do("PUT", "/v1/vaults/"+x.vault+"/secret-bindings/k", x.ada.token, object{"bindings": []object{{"hosts": []string{x.up.host()}}}}).want(200)
	x.ada.grant(x.vault, x.agent, "k", nil, "use")
	x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		hang(true)
		_, _ = w.Write([]byte("paid"))
	}
	for what, send := range map[string]func() reply{
		"execute": func() reply { return x.runs(object{"path": "/a"}) },
		"http-request": func() reply {
			return x.do("POST", "/v1/http-request", x.agent.token, object{"method": "GET", "url": x.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}})
		},
	} {
		got := send()
		hang(false)
		if got.want(503, "outcome_unknown"); strings.Contains(string(got.body), "Nothing was changed") {
			t.Errorf("%s: %s", what, got.body)
		}
		dbkit.Until(t, "the database answers again", func() bool { return x.do("GET", x.at("/bindings"), x.ada.token, nil).status == 200 })
	}
	if x.up.calls() != 2 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}

// A credential whose uses are counted shows its last answer, but none once it is deleted or expired.
func TestALimitedCredentialThatEndsDuringAnExecutionShowsNothing(t *testing.T) {
	for name, end := range map[string]func(x *executing){
		"used up": nil,
		"deleted": func(x *executing) { x.do("DELETE", secretAt(x.vault, "keys/pay"), x.ada.token, nil).want(204) },
		"expired": func(x *executing) { x.Clock.Forward(2 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			x := openExecuting(t)
			x.do("PUT", secretAt(x.vault, "keys/pay"), x.ada.token, object{"type": "api_key", "value": hiddenValue, "max_access_count": 1, "expires_at": x.Clock.Now().Add(time.Minute)}).want(201)
			x.lend(x.ada.token, "keys/pay").want(201)
			x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				if end != nil {
					end(x)
				}
				_, _ = w.Write([]byte("the answer"))
			}
			if got := x.runs(object{"path": "/a"}); strings.Contains(string(got.body), "the answer") != (end == nil) || x.up.calls() != 1 {
				t.Errorf("%d after %d requests: %s", got.status, x.up.calls(), got.body)
			}
		})
	}
}

// A router key calls models, and a cap on vaults or paths says nothing of bindings: a human made them for
// this agent.
func TestCapsAndBindings(t *testing.T) {
	x := openExecuting(t)
	x.bind(nil).want(201)
	x.do("PATCH", x.at(""), x.ada.token, object{"vault_ids": []string{x.vault}}).want(200)
	x.runs(object{}).want(200)
	mia := x.ada.member("mia", "member")
	own := mia.agent(object{"name": "mias"})
	x.do("PATCH", "/v1/agents/"+own.id, x.ada.token, object{"execution_intents_enabled": false, "execution_guardrails": object{"max_requests_per_minute": 5}}).want(200)
	x.do("PATCH", "/v1/agents/"+own.id, mia.token, object{"execution_intents_enabled": true}).want(403, "set_by_manager")
	x.do("PATCH", "/v1/agents/"+own.id, mia.token, object{"execution_guardrails": object{"max_requests_per_minute": 6}}).want(403, "set_by_manager")
	x.do("PATCH", "/v1/agents/"+own.id, mia.token, object{"execution_guardrails": object{"max_requests_per_minute": 4}}).want(200)
	x.do("PATCH", "/v1/agents/"+own.id, mia.token, object{"execution_limits": object{}}).want(400)
}

// Where the use can't be written, nothing is sent; where what came of it can't be, the use is in the log and
// in the list, as one that was cut off.
func TestAnExecutionOnAFullDisk(t *testing.T) {
	x := openExecuting(t)
	x.bind(nil).want(201)
	lift := x.refuse("INSERT ON executions")
	x.runs(object{}).want(503)
	lift()
	if x.up.calls() != 0 || x.rows(`SELECT COUNT(*) FROM executions`) != 0 {
		t.Errorf("%d requests were sent, and %d are in the list", x.up.calls(), x.rows(`SELECT COUNT(*) FROM executions`))
	}
	lift = x.refuse("UPDATE ON executions")
	x.runs(object{})
	lift()
	cutOff := func() object { return x.do("GET", x.at("/executions"), x.ada.token, nil).want(200).list("events")[0] }
	if e := cutOff(); e["status"] != "running" {
		t.Errorf("the list has %v", e)
	}
	x.Clock.Forward(2 * time.Minute)
	if e := cutOff(); e["status"] != "error" || e["error_message"] != "interrupted" || x.up.calls() != 1 {
		t.Errorf("the list has %v", e)
	}
	x.Executor.Recover(t.Context())
	lift = x.refuse("UPDATE ON executions")
	x.Late.CatchUp(t.Context()) // still full
	lift()
	for range 2 {
		x.Late.CatchUp(t.Context())
	}
	if e := cutOff(); e["status"] != "success" || e["error_message"] != nil || !strings.Contains(fmt.Sprint(e["result_summary"]), "status:200") {
		t.Errorf("once there was room the list has %v", e)
	}
	uses, used := 0, 0
	for _, e := range x.Events(x.ada.org) {
		switch e.Action {
		case "secret.use":
			uses++
		case "secret.used":
			used++
		}
	}
	if uses != 1 || used != 1 {
		t.Errorf("the log has %d uses, and of %d what came of them", uses, used)
	}
	x.runs(object{}).want(200)
}

// What came of a use is written once the log takes it again, though nobody asks any more.
func TestAUseOnAFullDisk(t *testing.T) {
	u := openUnseeing(t)
	u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{u.up.host()}})
	var lift func()
	u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		lift = u.refuse("INSERT ON audit_events")
		w.WriteHeader(http.StatusNoContent)
	}
	u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}"}})
	u.Late.CatchUp(t.Context()) // still full
	lift()
	for range 2 {
		u.Late.CatchUp(t.Context())
	}
	used := ""
	for _, e := range u.Events(u.ada.org) {
		if e.Action == "secret.used" {
			used += string(e.DetailsJSON)
		}
	}
	if strings.Count(used, `"answered":204`) != 1 {
		t.Errorf("the log has %q", used)
	}
}

// Many at once are counted as one after the other.
func TestALimitHoldsForManyAtOnce(t *testing.T) {
	x := openExecuting(t)
	x.bind(object{"guardrails": object{"max_requests_per_minute": 3}}).want(201)
	var mu sync.Mutex
	status := map[int]int{}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			r := x.runs(object{"path": "/a"})
			mu.Lock()
			defer mu.Unlock()
			status[r.status]++
		})
	}
	all.Wait()
	if status[200] != 3 || status[429] != 3 || x.up.calls() != 3 {
		t.Errorf("answers are %v, and %d requests were sent", status, x.up.calls())
	}
}
