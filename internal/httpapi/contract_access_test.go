package httpapi_test

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// A refusal is one reply, whether there is something at the path or not.
func (s *session) refusedAlike(what, method, token, vault, existing string, change ...func(*http.Request)) {
	s.t.Helper()
	got := s.do(method, secretAt(vault, existing), token, object{"value": "x"}, change...)
	want := s.do(method, secretAt(vault, existing+"-none"), token, object{"value": "x"}, change...)
	for _, r := range []*reply{&got, &want} {
		r.what += " (" + what + ")"
		r.want(403)
	}
	if string(got.body) != string(want.body) || !reflect.DeepEqual(got.header, want.header) {
		s.t.Errorf("%s: the refusal tells what exists:\n%v %s\n%v %s", what, got.header, got.body, want.header, want.body)
	}
}

func TestAnAgentGetsWhatItWasGrantedAndNothingElse(t *testing.T) {
	s := openSession(t)
	for _, p := range []string{"a/c", "b/b", "a/deep/er", "A/b", "ab"} {
		s.ada.put(s.vault, p, "value")
	}
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.key, nil).want(200) // the bare key too
	s.do("GET", secretAt(s.vault, "a/none"), s.worker.token, nil).want(404)
	for _, p := range []string{"b/b", "a/deep/er", "A/b", "ab"} {
		s.refusedAlike(p, "GET", s.worker.token, s.vault, p)
	}
	s.refusedAlike("a write with a grant to read", "PUT", s.worker.token, s.vault, "a/b")
	s.refusedAlike("a deletion with a grant to read", "DELETE", s.worker.token, s.vault, "a/b")
	if l := s.do("GET", "/v1/vaults/"+s.vault+"/secrets", s.worker.token, nil).want(200).list("secrets"); len(l) != 2 {
		t.Errorf("the agent is shown %v", l)
	}
	other := s.ada.vaultNamed("other")
	s.ada.put(other, "a/b", "value")
	s.refusedAlike("another vault", "GET", s.worker.token, other, "a/b")
	s.do("GET", "/v1/vaults/"+other, s.worker.token, nil).want(403)
	s.do("GET", "/v1/vaults/"+other+"/secrets", s.worker.token, nil).want(403)
	if l := s.do("GET", "/v1/vaults", s.worker.token, nil).want(200).list("vaults"); len(l) != 1 || l[0]["id"] != s.vault {
		t.Errorf("the agent is shown the vaults %v", l)
	}
	s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+s.policy, s.ada.token, nil).want(204)
	s.refusedAlike("the policy is gone", "GET", s.worker.token, s.vault, "a/b")
}

func TestBindingAndScopesCapAnAgent(t *testing.T) {
	s := openSession(t)
	other := s.ada.vaultNamed("other")
	for _, v := range []string{s.vault, other} {
		s.ada.put(v, "x/y", "value")
		s.ada.put(v, "z", "value")
	}
	bound := s.ada.agent(object{"vault_ids": []string{s.vault}})
	scoped := s.ada.agent(object{"scopes": []string{"x/*"}})
	words := s.ada.agent(object{"scopes": []string{"vault:read", "secret:read"}}) // words restrict no path
	for _, a := range []*robot{bound, scoped, words} {
		s.ada.grant(s.vault, a, "**", nil, "read", "write")
		s.ada.grant(other, a, "**", nil, "read")
	}
	s.do("GET", secretAt(s.vault, "z"), bound.token, nil).want(200)
	s.refusedAlike("outside the binding", "GET", bound.token, other, "z")
	s.do("GET", secretAt(s.vault, "x/y"), scoped.token, nil).want(200)
	s.refusedAlike("outside the scope", "GET", scoped.token, s.vault, "z")
	s.refusedAlike("a write outside the scope", "PUT", scoped.token, s.vault, "z")
	s.do("GET", secretAt(s.vault, "z"), words.token, nil).want(200)
	if l := s.do("GET", "/v1/vaults/"+s.vault+"/secrets", scoped.token, nil).want(200).list("secrets"); len(l) != 1 || l[0]["path"] != "x/y" {
		t.Errorf("outside the scope is listed: %v", l)
	}
	// A token from before is capped at once.
	s.do("PATCH", "/v1/agents/"+words.id, s.ada.token, object{"scopes": []string{"nowhere/*"}, "vault_ids": []string{other}}).want(200)
	s.refusedAlike("capped meanwhile", "GET", words.token, s.vault, "z")
	s.refusedAlike("capped meanwhile", "GET", words.token, other, "z")
}

func TestConditionsAndExpiryEndAGrant(t *testing.T) {
	s := openSession(t)
	s.ada.put(s.vault, "c/d", "value")
	in := func(conditions object) *robot {
		a := s.ada.agent(nil)
		s.ada.grant(s.vault, a, "c/*", object{"conditions": conditions}, "read")
		return a
	}
	office := in(object{"ip_allowlist": []string{"198.51.100.0/24", "2001:db8::/32"}})
	for addr, status := range map[string]int{
		"198.51.100.9:1": 200, "[2001:db8::7]:1": 200, "[::ffff:198.51.100.9]:1": 200, "203.0.113.1:1": 403, "[2001:db9::7]:1": 403, "garbage": 403,
	} {
		s.do("GET", secretAt(s.vault, "c/d"), office.token, nil, from(addr)).want(status)
	}
	s.refusedAlike("another address", "GET", office.token, s.vault, "c/d")
	// What a client says of its own address counts for nothing.
	s.do("GET", secretAt(s.vault, "c/d"), office.token, nil, header("X-Forwarded-For", "198.51.100.9")).want(403)
	hours := in(object{"time_window": object{"after": "08:00", "before": "13:00", "timezone": "UTC"}}) // it is 12:00
	brief := s.ada.agent(nil)
	s.ada.grant(s.vault, brief, "c/*", object{"expires_at": s.Clock.Now().Add(30 * time.Minute)}, "read")
	for _, a := range []*robot{hours, brief} {
		s.do("GET", secretAt(s.vault, "c/d"), a.token, nil).want(200)
	}
	s.Clock.Forward(30 * time.Minute)
	s.do("GET", secretAt(s.vault, "c/d"), hours.token, nil).want(200)
	s.refusedAlike("an expired policy", "GET", brief.token, s.vault, "c/d")
	s.Clock.Forward(30 * time.Minute)
	hours.token = hours.exchange()
	s.refusedAlike("after the window", "GET", hours.token, s.vault, "c/d")
	if l := s.do("GET", "/v1/vaults", hours.token, nil).want(200).list("vaults"); len(l) != 0 {
		t.Errorf("a grant out of its window shows %v", l)
	}
}

func TestAnAgentManagesTheVaultsThatItMade(t *testing.T) {
	s := openSession(t)
	made := s.do("POST", "/v1/vaults", s.worker.token, object{"name": "workers"}).want(201)
	if o := made.json(); o["created_by"] != s.worker.id || o["created_by_type"] != "agent" {
		t.Errorf("got %v", o)
	}
	v := made.str("id")
	s.do("PUT", secretAt(v, "own"), s.worker.token, object{"value": "mine"}).want(201)
	got := s.do("GET", secretAt(v, "own"), s.worker.token, nil).want(200)
	if got.str("created_by") != "agent:"+s.worker.id {
		t.Errorf("created_by %s", got.str("created_by"))
	}
	// The human behind the agent has access to what it makes.
	s.do("GET", secretAt(v, "own"), s.ada.token, nil).want(200)
	s.do("GET", "/v1/vaults/"+v+"/policies", s.ada.token, nil).want(200)
	friend := s.ada.agent(nil)
	grant := object{"secret_path_pattern": "own", "principal_type": "agent", "principal_id": friend.id, "permissions": []string{"read"}}
	s.do("GET", secretAt(v, "own"), friend.token, nil).want(403)
	p := s.do("POST", "/v1/vaults/"+v+"/policies", s.worker.token, grant).want(201)
	if o := p.json(); o["created_by"] != s.worker.id || o["created_by_type"] != "agent" {
		t.Errorf("got %v", o)
	}
	s.do("GET", secretAt(v, "own"), friend.token, nil).want(200)
	s.do("POST", "/v1/vaults/"+v+"/policies", friend.token, grant).want(403)
	s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.worker.token, grant).want(403)
	s.do("PUT", "/v1/vaults/"+s.vault+"/policies/"+s.policy, s.worker.token, object{"permissions": []string{"read", "write"}}).want(403)
	s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+s.policy, s.worker.token, nil).want(403)
	s.do("DELETE", "/v1/vaults/"+s.vault, s.worker.token, nil).want(403)
	s.do("DELETE", "/v1/vaults/"+v+"/policies/"+p.str("id"), s.worker.token, nil).want(204)
	s.do("GET", secretAt(v, "own"), friend.token, nil).want(403)
	s.do("DELETE", "/v1/vaults/"+v, s.worker.token, nil).want(204)
}

func TestWriteImpliesDelete(t *testing.T) {
	s := openSession(t)
	a := s.ada.agent(nil)
	s.ada.grant(s.vault, a, "w/*", nil, "write")
	s.do("PUT", secretAt(s.vault, "w/x"), a.token, object{"value": "x"}).want(201)
	s.do("GET", secretAt(s.vault, "w/x"), a.token, nil).want(403) // writing is not reading
	s.do("DELETE", secretAt(s.vault, "w/x"), a.token, nil).want(204)
	d := s.ada.agent(nil)
	s.ada.grant(s.vault, d, "w/*", nil, "delete")
	s.ada.put(s.vault, "w/x", "x")
	s.do("PUT", secretAt(s.vault, "w/x"), d.token, object{"value": "x"}).want(403)
	s.do("DELETE", secretAt(s.vault, "w/x"), d.token, nil).want(204)
}

func TestIntentsAgentsReadNoKeys(t *testing.T) {
	s := openSession(t)
	a := s.ada.agent(object{"intents_api_enabled": true})
	s.ada.grant(s.vault, a, "**", nil, "read")
	for kind, status := range map[string]int{"private_key": 403, "ssh_key": 403, "api_key": 200, "generic": 200} {
		s.do("PUT", secretAt(s.vault, "k/"+kind), s.ada.token, object{"value": "x", "type": kind}).want(201)
		s.do("GET", secretAt(s.vault, "k/"+kind), a.token, nil).want(status)
	}
}

func TestTheLastReadIsServedOnce(t *testing.T) {
	s := openSession(t)
	const readers = 32
	for round := range 5 {
		path := "a/once" + itoa(round)
		s.do("PUT", secretAt(s.vault, path), s.ada.token, object{"value": "the-value", "max_access_count": 1}).want(201)
		var statuses [readers]int
		var bodies [readers]string
		events := s.during(func() {
			var start, done sync.WaitGroup
			start.Add(1)
			for i := range readers {
				r, _ := request(t, "GET", secretAt(s.vault, path), []string{s.worker.token, s.worker.key, s.ada.token}[i%3], nil)
				done.Go(func() {
					start.Wait()
					got := s.serve(r)
					statuses[i], bodies[i] = got.status, string(got.body)
				})
			}
			start.Done()
			done.Wait()
		})
		won, lost := 0, 0
		for i, status := range statuses {
			switch {
			case status == 200 && strings.Contains(bodies[i], "the-value"):
				won++
			case status == 410 && !strings.Contains(bodies[i], "the-value"):
				lost++
			default:
				t.Errorf("got %d %s", status, bodies[i])
			}
		}
		successes := 0
		for _, e := range events {
			if e.detail("outcome") == "success" {
				successes++
			}
		}
		if won != 1 || lost != readers-1 || successes != 1 || len(events) != readers {
			t.Errorf("%d won, %d lost, %d events of success, %d events", won, lost, successes, len(events))
		}
	}
}
