package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// Whoever came by an agent since its human was removed or deleted its account was given
// it as one who manages the organisation: it passes on with that role, stopped, without
// its key and what it made. An agent of one's own stays.
func TestADemotedAdminKeepsNoAgentOfAMemberWhoLeft(t *testing.T) {
	for what, c := range map[string]struct {
		successor func(s *session) (successor, other *human)
		leave     func(s *session, successor, dan *human)
	}{
		"of a removed member": {
			func(s *session) (successor, other *human) { return s.ada.member("bob", "admin"), s.ada },
			func(s *session, bob, dan *human) {
				s.do("DELETE", "/v1/org/members/"+dan.id, bob.login(), nil).want(204)
			},
		},
		"of a deleted account": { // the oldest owner's
			func(s *session) (successor, other *human) { return s.ada, s.ada.member("bob", "owner") },
			func(s *session, _, dan *human) { s.do("DELETE", "/v1/auth/me", dan.login(), farewell).want(204) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openSession(t)
			s.Clock.Forward(time.Second)
			successor, other := c.successor(s)
			dan := s.ada.member("dan", "member")
			left, idle, own := dan.agent(object{"name": "left"}), dan.agent(object{"name": "idle"}), successor.agent(object{"name": "own"})
			c.leave(s, successor, dan)

			one := "/v1/agents/" + left.id
			s.do("PATCH", one, successor.login(), object{"is_active": true}).want(200)
			key := s.do("POST", one+"/rotate-key", successor.token, nil).want(200).str("api_key")
			left.token = s.do("POST", "/v1/auth/agent-token", "", object{"api_key": key}).want(200).str("access_token")
			other.grant(s.vault, left, "**", nil, "read")
			made := s.do("POST", "/v1/vaults", left.token, object{"name": "made"}).want(201).str("id")
			(&human{world: s.world, token: left.token}).put(made, "a", "the value")
			s.do("GET", secretAt(made, "a"), successor.token, nil).want(200)
			link := s.do("POST", "/v1/secrets/"+s.secret+"/share", left.token, object{"recipient_type": "anyone_with_link"}).want(201).str("share_url")
			link = strings.TrimPrefix(link, "https://vault.test")
			asked := s.do("POST", "/v1/vaults/"+made+"/policies", successor.token, object{
				"secret_path_pattern": "**", "principal_type": "user", "principal_id": successor.id, "permissions": []string{"read"},
			}).want(201).str("id")
			taken := s.do("POST", one+"/token", successor.token, nil).want(200).str("token")
			s.do("GET", link, "", nil).want(200)

			role := object{"role": "member"}
			var ended, ids string
			for _, e := range s.during(func() {
				ended = s.do("PATCH", "/v1/org/members/"+successor.id, other.login(), role).want(200).header.Get("X-Ended")
			}) {
				if e.action == "org.member_update" {
					ids = e.detail("ended")
				}
			}
			if ended != "agents=1,shares=1,policies=1,agent_tokens=1" || !strings.Contains(ids, "agent:"+left.id) || strings.Contains(ids, idle.id) {
				t.Errorf("X-Ended: %q, and the log says %q", ended, ids)
			}
			for what, token := range map[string]string{"its key": key, "its token": left.token, "a token taken of it": taken} {
				if r := s.do("GET", "/v1/agents/me", token, nil); r.status != 401 {
					t.Errorf("%s: %d", what, r.status)
				}
			}
			s.do("GET", link, "", nil).want(404)
			s.do("GET", secretAt(made, "a"), successor.token, nil).want(403)
			for _, p := range s.do("GET", "/v1/vaults/"+made+"/policies", other.token, nil).want(200).list("policies") {
				if p["id"] == asked {
					t.Error("the policy that it made for itself is there")
				}
			}
			for _, id := range []string{left.id, idle.id} {
				s.do("GET", "/v1/agents/"+id, successor.token, nil).want(404)
				if is := s.do("GET", "/v1/agents/"+id, other.token, nil).want(200).json()["is_active"]; is != false {
					t.Errorf("%s is active: %v", id, is)
				}
			}
			s.do("GET", "/v1/agents/me", own.key, nil).want(200)
			s.do("GET", "/v1/agents/"+own.id, successor.token, nil).want(200)
			// Whoever has them now loses them alike.
			s.do("PATCH", "/v1/org/members/"+successor.id, other.login(), object{"role": "owner"}).want(200)
			s.do("PATCH", one, other.token, object{"is_active": true}).want(200)
			if got := s.do("PATCH", "/v1/org/members/"+other.id, successor.login(), role).want(200).header.Get("X-Ended"); got != "agents=1" {
				t.Errorf("X-Ended: %q", got)
			}
			s.do("GET", one, other.token, nil).want(404)
		})
	}
}
