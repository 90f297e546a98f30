package httpapi_test

import (
	"slices"
	"testing"
)

// A policy, and an agent, that a stolen credential let do more end with it as if it had
// made them. What it only made narrower stays.
func TestWhatACredentialLetDoMoreEndsWithIt(t *testing.T) {
	s := openSession(t)
	for name, steal := range map[string]func() (token, path string){
		"a key": func() (string, string) {
			k := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "k"}).want(201) // without end: one that ends widens nothing
			return k.str("api_key"), "/v1/auth/api-keys/" + k.str("key", "id")
		},
		"a login": func() (string, string) {
			login := s.ada.login()
			return login, "/v1/auth/sessions/" + s.sessionOf(login)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.ada.token = s.ada.login()
			v := s.ada.vaultNamed(name)
			free, capped, other := s.ada.agent(object{"name": "free"}), s.ada.agent(object{"name": "capped", "scopes": []string{"a/*"}}), s.ada.agent(object{"name": "other"})
			wide := s.ada.grant(v, free, "**", nil, "read")
			narrow := s.ada.grant(v, other, "**", nil, "read", "write")
			token, path := steal()
			at := "/v1/vaults/" + v + "/policies/"
			s.do("PUT", at+wide, token, object{"permissions": []string{"read", "delete"}}).want(200)
			s.do("PUT", at+narrow, token, object{"permissions": []string{"read"}}).want(200)
			s.do("PATCH", "/v1/agents/"+capped.id, token, object{"scopes": nil}).want(200)
			s.do("PATCH", "/v1/agents/"+other.id, token, object{"scopes": []string{"b/*"}}).want(200)

			ada := s.ada.login()
			var kinds []string
			for _, o := range s.do("GET", path+"/made", ada, nil).want(200).list("made") {
				kinds = append(kinds, o["kind"].(string))
				if o["is_live"] != true || o["id"] != wide && o["id"] != capped.id {
					t.Errorf("made: %v", o)
				}
			}
			if slices.Sort(kinds); !slices.Equal(kinds, []string{"agent_change", "policy_change"}) {
				t.Errorf("made: %v", kinds)
			}
			if got := s.do("DELETE", path, ada, nil).want(204).header.Get("X-Ended"); got != "agents=1,policies=1" {
				t.Errorf("X-Ended: %q", got)
			}
			s.do("GET", "/v1/agents/me", capped.token, nil).want(401)
			s.do("GET", "/v1/agents/me", other.token, nil).want(200)
			left := s.do("GET", "/v1/vaults/"+v+"/policies", ada, nil).want(200).list("policies")
			if len(left) != 1 || left[0]["id"] != narrow {
				t.Errorf("policies left: %v", left)
			}
		})
	}
}

// An agent that its vault's human lets set policies widens none beyond its key.
func TestWhatAnAgentLetDoMoreEndsWithItsKey(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	bot, other := s.ada.agent(object{"name": "maker"}), s.ada.agent(object{"name": "other"})
	v := s.do("POST", "/v1/vaults", bot.token, object{"name": "of an agent"}).want(201).str("id")
	id := s.ada.grant(v, other, "**", nil, "read")
	s.do("PUT", "/v1/vaults/"+v+"/policies/"+id, bot.token, object{"permissions": []string{"read", "write"}}).want(200)
	if l := s.do("GET", "/v1/agents/"+bot.id+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 2 {
		t.Errorf("made: %v", l)
	}
	if got := s.do("POST", "/v1/agents/"+bot.id+"/rotate-key", s.ada.token, nil).want(200).header.Get("X-Ended"); got != "policies=1" {
		t.Errorf("X-Ended: %q", got)
	}
}

// A demoted admin keeps neither what it let its agents do in others' vaults nor the caps
// that it lifted and a member could not.
func TestADemotedAdminKeepsNothingThatItLetDoMore(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	bob := s.ada.member("bob", "admin")
	v := s.ada.vaultNamed("ada's")
	bot, stopped, free := bob.agent(object{"name": "bob's"}), bob.agent(object{"name": "capped"}), bob.agent(object{"name": "free"})
	s.do("PATCH", "/v1/agents/"+stopped.id, s.ada.token, object{"scopes": []string{"a/*"}}).want(200)
	id := s.ada.grant(v, bot, "a/*", nil, "read")
	s.do("PUT", "/v1/vaults/"+v+"/policies/"+id, bob.token, object{"permissions": []string{"read", "write"}}).want(200)
	s.do("PATCH", "/v1/agents/"+stopped.id, bob.token, object{"scopes": nil}).want(200)
	s.do("PATCH", "/v1/agents/"+free.id, bob.token, object{"description": "words"}).want(200)
	r := s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
	if got := r.header.Get("X-Ended"); got != "agents=1,policies=1" {
		t.Errorf("X-Ended: %q", got)
	}
	s.do("GET", "/v1/agents/me", stopped.token, nil).want(401)
	s.do("GET", "/v1/agents/me", bot.token, nil).want(200)
	s.do("GET", "/v1/agents/me", free.token, nil).want(200)
}

// Whom a stolen login raised in role stays, and is named.
func TestAMemberRaisedByAStolenLoginIsNamed(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	thief := s.ada.login()
	s.do("PATCH", "/v1/org/members/"+bob.id, thief, object{"role": "admin"}).want(200)
	r := s.do("DELETE", "/v1/auth/sessions/"+s.sessionOf(thief), s.ada.login(), nil).want(204)
	if got := r.header.Get("X-Stays"); got != "members=1" {
		t.Errorf("X-Stays: %q", got)
	}
}

// An approval that was given in a stolen login ends with it; one that another login gave
// stays.
func TestAnApprovalEndsWithTheLoginThatGaveIt(t *testing.T) {
	s := openSession(t)
	for name, keep := range map[string]bool{"ended": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			s.ada.token = s.ada.login()
			v := s.ada.vaultNamed(name)
			s.ada.put(v, "a/b", "value")
			bot := s.ada.agent(object{"name": name})
			s.ada.grant(v, bot, "**", asks(object{"max_uses": 2}), "read")
			thief := s.ada.login()
			id := s.do("GET", secretAt(v, "a/b"), bot.token, nil).want(403, "approval_required").str("approval_request_id")
			s.do("POST", "/v1/approvals/"+id+"/approve", thief, nil).want(200)
			s.do("GET", secretAt(v, "a/b"), bot.token, nil).want(200)
			path := "/v1/auth/sessions/" + s.sessionOf(thief)
			ada := s.ada.login()
			if l := s.do("GET", path+"/made", ada, nil).want(200).list("made"); len(l) != 1 || l[0]["kind"] != "approval" || l[0]["is_live"] != true {
				t.Errorf("made: %v", l)
			}
			want, status := "approvals=1", 403
			if keep {
				path, want, status = path+"?keep=true", "", 200
			}
			if got := s.do("DELETE", path, ada, nil).want(204).header.Get("X-Ended"); got != want {
				t.Errorf("X-Ended: %q", got)
			}
			s.do("GET", secretAt(v, "a/b"), bot.token, nil).want(status)
		})
	}
}
