package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// routerKey makes a router key of an agent.
func (s *session) routerKey(agent, token string) reply {
	s.t.Helper()
	return s.do("POST", "/v1/agents/"+agent+"/router-keys", token, object{"name": "notebook"}).want(201)
}

// routes reports whether an agent's router key works still, as its listing says.
func (s *session) routes(agent, id string) bool {
	s.t.Helper()
	for _, k := range s.do("GET", "/v1/agents/"+agent+"/router-keys", s.ada.token, nil).want(200).list("keys") {
		if k["id"] == id {
			return k["is_active"] == true
		}
	}
	s.t.Fatalf("there is no router key %s", id)
	return false
}

// A router key is no credential of the API, whatever it asks for there, nor one that a token
// is given for; the log of its organisation says that somebody tried.
func TestARouterKeyIsNoneOfTheAPI(t *testing.T) {
	s := openSession(t)
	made := s.routerKey(s.worker.id, s.ada.token)
	key := made.str("api_key")
	if !strings.HasPrefix(key, "sk-shroud-v1-") || made.str("key", "key_prefix") != key[:21] {
		t.Errorf("made %s", made.body)
	}
	events := s.during(func() { s.do("GET", "/v1/agents/me", key, nil).want(401, "unauthenticated") })
	if len(events) != 1 || events[0].action != "auth.failure" || events[0].detail("reason") != "router_key_elsewhere" {
		t.Errorf("it left %v", events)
	}
	for _, path := range []string{"/v1/vaults", "/v1/shroud/activity", secretAt(s.vault, "a/b"), "/v1/agents/" + s.worker.id + "/transactions"} {
		s.do("GET", path, key, nil).want(401, "unauthenticated") // these are counted in one event
	}
	s.do("POST", "/v1/auth/agent-token", "", object{"api_key": key}).want(401)
	s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(401)
	if r := s.do("GET", "/v1/agents/"+s.worker.id+"/router-keys", s.ada.token, nil).want(200); strings.Contains(string(r.body), key[:30]) {
		t.Error("a listing shows the key")
	}
}

// A router key ends when it is revoked or has expired, with its agent's own key, with the
// agent, with the credential that made it, and with the right of who made it.
func TestARouterKeyEndsWithWhatMadeIt(t *testing.T) {
	s := openSession(t)
	bot := func(name string) string { return s.ada.agent(object{"name": name}).id }
	for what, end := range map[string]func(agent, key string){
		"revoked": func(agent, key string) {
			s.do("DELETE", "/v1/agents/"+agent+"/router-keys/"+key, s.ada.token, nil).want(204)
			s.do("DELETE", "/v1/agents/"+agent+"/router-keys/"+key, s.ada.token, nil).want(404, "router_key_not_found")
		},
		"another key": func(agent, _ string) { s.do("POST", "/v1/agents/"+agent+"/rotate-key", s.ada.token, nil).want(200) },
		"deactivated": func(agent, _ string) {
			s.do("DELETE", "/v1/agents/"+agent, s.ada.token, nil).want(204)
			s.do("POST", "/v1/agents/"+agent+"/router-keys", s.ada.token, object{"name": "x"}).want(409, "agent_deactivated")
			s.do("PATCH", "/v1/agents/"+agent, s.ada.token, object{"is_active": true}).want(200) // it brings none back
		},
	} {
		agent := bot(what)
		key := s.routerKey(agent, s.ada.token).str("key", "id")
		other := s.routerKey(s.worker.id, s.ada.token).str("key", "id")
		if !s.routes(agent, key) {
			t.Errorf("%s: it did not work before", what)
		}
		end(agent, key)
		if s.routes(agent, key) || !s.routes(s.worker.id, other) {
			t.Errorf("%s: it works still, or another does not", what)
		}
	}

	api := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "deploy"}).want(201)
	at := "/v1/auth/api-keys/" + api.str("key", "id")
	key := s.routerKey(s.worker.id, api.str("api_key")).str("key", "id")
	if l := s.do("GET", at+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 1 || l[0]["kind"] != "router_key" || l[0]["name"] != "notebook" || l[0]["is_live"] != true {
		t.Errorf("made: %v", l)
	}
	if got := s.do("DELETE", at, s.ada.token, nil).want(204).header.Get("X-Ended"); got != "router_keys=1" || s.routes(s.worker.id, key) {
		t.Errorf("X-Ended: %q; the key works: %v", got, s.routes(s.worker.id, key))
	}

	for what, end := range map[string]func(bob *human){
		"demoted": func(bob *human) {
			s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
		},
		"removed": func(bob *human) { s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204) },
	} {
		bob := s.ada.member(what, "admin")
		key := s.routerKey(s.worker.id, bob.token).str("key", "id")
		own := bob.agent(object{"name": "of " + what}).id
		its := s.routerKey(own, bob.token).str("key", "id")
		end(bob)
		if s.routes(s.worker.id, key) || s.routes(own, its) != (what == "demoted") {
			t.Errorf("%s: a key of another's agent works: %v, one of its own: %v", what, s.routes(s.worker.id, key), s.routes(own, its))
		}
	}
}

// A router key that a short credential makes ends with it, and one that expires ends then.
func TestARouterKeyExpires(t *testing.T) {
	s := openSession(t)
	at := s.Clock.Now().Add(time.Hour).UTC()
	made := s.do("POST", "/v1/agents/"+s.worker.id+"/router-keys", s.ada.token, object{"name": "short", "expires_at": at}).want(201)
	short := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "short", "expires_at": at}).want(201).str("api_key")
	capped := s.routerKey(s.worker.id, short)
	if capped.str("key", "expires_at") == "" {
		t.Errorf("it does not end with what made it: %s", capped.body)
	}
	s.do("POST", "/v1/agents/"+s.worker.id+"/router-keys", s.ada.token, object{"name": "late", "expires_at": s.Clock.Now()}).want(400)
	s.Clock.Forward(2 * time.Hour)
	s.ada.token = s.ada.login()
	for _, k := range []reply{made, capped} {
		if s.routes(s.worker.id, k.str("key", "id")) {
			t.Errorf("it works still: %s", k.body)
		}
	}
}

// An agent has as many router keys as one may have, and no more.
func TestRouterKeysAreBounded(t *testing.T) {
	s := openSession(t)
	first := s.routerKey(s.worker.id, s.ada.token).str("key", "id")
	for range 49 {
		s.routerKey(s.worker.id, s.ada.token)
	}
	s.do("POST", "/v1/agents/"+s.worker.id+"/router-keys", s.ada.token, object{"name": "x"}).want(409, "too_many_router_keys")
	s.do("DELETE", "/v1/agents/"+s.worker.id+"/router-keys/"+first, s.ada.token, nil).want(204)
	s.routerKey(s.worker.id, s.ada.token)
	bob := s.signup("bob")
	s.do("GET", "/v1/agents/"+s.worker.id+"/router-keys", bob.token, nil).want(404, "agent_not_found")
	mia := s.ada.member("mia", "member")
	s.do("POST", "/v1/agents/"+s.worker.id+"/router-keys", mia.token, object{"name": "x"}).want(404, "agent_not_found")
}

// Nothing vouches for a server of one's own, and it says so.
func TestNothingIsAttested(t *testing.T) {
	s := openSession(t)
	r := s.do("GET", "/v1/shroud/attestation", "", nil).want(200)
	if got := strings.TrimSpace(string(r.body)); got != `{"attested":false,"attestation_level":"none","image_hash":null,"identity_token":null,"confidential_claims":null,"verification":{"steps":[],"google_certs_url":"","expected_audience":""}}` {
		t.Errorf("it says %s", got)
	}
}
