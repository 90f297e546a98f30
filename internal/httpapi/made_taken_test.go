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
	s.clock.forward(time.Second)
	share := s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link"}).want(201)
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
	if l := s.do("GET", one+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 2 || l[0]["kind"] != "agent_token" || l[0]["name"] != s.worker.id || l[0]["is_live"] != true {
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
