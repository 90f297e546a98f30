package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// taken is a token of the session's worker that a human took, and a link that was
// made with it.
type taken struct{ token, link string }

func (s *session) takes(t *testing.T, as string) taken {
	t.Helper()
	token := s.do("POST", "/v1/agents/"+s.worker.id+"/token", as, nil).want(200).str("token")
	s.Clock.Forward(time.Second)
	share := s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link", "expires_at": s.Clock.Now().Add(60 * 24 * time.Hour)}).want(201)
	return taken{token, strings.TrimPrefix(share.str("share_url"), "https://vault.test")}
}

func (s *session) lives(t *testing.T, what string, got taken, token, link bool) {
	t.Helper()
	if is := s.do("GET", "/v1/agents/me", got.token, nil).status == 200; is != token {
		t.Errorf("%s: the token works: %v", what, is)
	}
	if is := s.do("GET", got.link, "", nil).status == 200; is != link {
		t.Errorf("%s: the link works: %v", what, is)
	}
}

// A token of an agent that a human takes ends with what it was taken with, and with
// the right to take it; what was made with the token ends with the credential.
func TestATokenOfAnAgentEndsWithWhatTookIt(t *testing.T) {
	s := openSession(t)
	key := func() (string, string) {
		k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201)
		return k.str("api_key"), "/v1/auth/api-keys/" + k.str("key", "id")
	}
	own, other := s.takes(t, s.ada.token), s.takes(t, s.ada.token)
	text, one := key()
	got := s.takes(t, text)
	if l := s.do("GET", one+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 2 || l[1]["kind"] != "agent_token" || l[1]["name"] != s.worker.id || l[1]["is_live"] != true {
		t.Errorf("made: %v", l)
	}
	r := s.do("DELETE", one, s.ada.token, nil).want(204)
	if got := r.header.Get("X-Ended"); got != "shares=1,agent_tokens=1" {
		t.Errorf("X-Ended: %q", got)
	}
	s.lives(t, "a revoked key", got, false, false)
	if l := s.do("GET", one+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 2 || l[0]["is_live"] != false {
		t.Errorf("made: %v", l)
	}
	text, one = key()
	got = s.takes(t, text)
	s.do("DELETE", one+"?keep=true", s.ada.token, nil).want(204)
	s.lives(t, "a key that was kept from", got, true, true)
	s.do("DELETE", one, s.ada.token, nil).want(204)
	s.lives(t, "the same, revoked again", got, false, false)
	s.lives(t, "another token", own, true, true)
	s.lives(t, "one more", other, true, true)

	for what, end := range map[string]func(bob *human){
		"demoted": func(bob *human) {
			s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
		},
		"removed": func(bob *human) { s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204) },
	} {
		bob := s.ada.member(what, "admin")
		token := s.do("POST", "/v1/agents/"+s.worker.id+"/token", bob.token, nil).want(200).str("token")
		mine := bob.agent(object{"name": "bobs"})
		his := s.do("POST", "/v1/agents/"+mine.id+"/token", bob.token, nil).want(200).str("token")
		end(bob)
		s.do("GET", "/v1/agents/me", token, nil).want(401)
		s.do("GET", "/v1/agents/me", his, nil).want(map[string]int{"demoted": 200, "removed": 401}[what])
	}
	s.lives(t, "another token", own, true, true)
}

// What somebody made with a token that it took of another's agent ends with the right
// to take it, whether it took the token with a login or a key, and long after the token.
func TestWhatATakenTokenMadeEndsWithTheRightToTakeIt(t *testing.T) {
	for what, end := range map[string]func(s *session, bob *human) string{
		"demoted": func(s *session, bob *human) string {
			return s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200).header.Get("X-Ended")
		},
		"removed": func(s *session, bob *human) string {
			return s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204).header.Get("X-Ended")
		},
		"deleted": func(s *session, bob *human) string {
			s.do("DELETE", "/v1/auth/me", bob.login(), farewell).want(204)
			return ""
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openSession(t)
			bob := s.ada.member("bob", "admin")
			friend := bob.agent(object{"name": "bobs"})
			key := s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201).str("api_key")
			with := s.takes(t, bob.token)
			links := []taken{with, s.takes(t, key)}
			vault := s.do("POST", "/v1/vaults", with.token, object{"name": "the worker's"}).want(201).str("id")
			grant := func(token string, more object) string {
				body := object{"secret_path_pattern": "**", "principal_type": "agent", "principal_id": friend.id, "permissions": []string{"read"}}
				for k, v := range more {
					body[k] = v
				}
				return s.do("POST", "/v1/vaults/"+vault+"/policies", token, body).want(201).str("id")
			}
			ends := map[string]bool{
				grant(with.token, nil):                    true,
				grant(with.token, asks(true)):             false, // a gate
				grant(s.worker.token, nil):                false, // the agent's own
				grant(s.takes(t, s.ada.token).token, nil): false,
			}
			adas := s.takes(t, s.ada.token)
			own := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.worker.token, object{"recipient_type": "anyone_with_link", "expires_at": s.Clock.Now().Add(60 * 24 * time.Hour)}).want(201)
			s.Clock.Forward(35 * 24 * time.Hour)
			s.lives(t, "a link of bob's, before", with, false, true)
			if err := s.DB.Sweep(t.Context(), s.Clock.Now(), s.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			s.ada.token, bob.token = s.ada.login(), bob.login()
			if got := end(s, bob); got != map[string]string{"demoted": "shares=2,policies=1", "removed": "agents=1,shares=2,policies=1"}[what] {
				t.Errorf("X-Ended: %q", got)
			}
			for _, l := range links {
				s.lives(t, "a link of bob's", l, false, false)
			}
			s.lives(t, "a link of ada's", adas, false, true)
			s.do("GET", strings.TrimPrefix(own.str("share_url"), "https://vault.test"), "", nil).want(200)
			there := map[string]bool{}
			for _, p := range s.do("GET", "/v1/vaults/"+vault+"/policies", s.ada.token, nil).want(200).list("policies") {
				there[p["id"].(string)] = true
			}
			for id, end := range ends {
				if there[id] == end {
					t.Errorf("the policy %s is there: %v", id, there[id])
				}
			}
		})
	}
}
