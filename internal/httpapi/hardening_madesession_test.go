package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A login, or a device, that was a thief's is ended with what was made with it, as a
// key is: also when it has expired long since.
func TestWhatALoginMadeEndsWithIt(t *testing.T) {
	s := openSession(t)
	mine := s.ada.login()
	for what, log := range map[string]func() string{"a login": s.ada.login, "a device": s.ada.letIn} {
		thief := &human{world: s.world, token: log()}
		id := s.sessionOf(thief.token)
		one := "/v1/auth/sessions/" + id
		bot := thief.agent(object{"name": what})
		thief.grant(thief.vaultNamed(what), bot, "**", nil, "read")
		s.do("POST", "/v1/secrets/"+s.secret+"/share", thief.token, object{"recipient_type": "anyone_with_link"}).want(201)
		s.do("POST", "/v1/org/invite", thief.token, object{"email": id + "@example.com", "role": "member"}).want(200)
		end := s.Clock.Now().Add(10 * time.Minute)
		k := s.do("POST", "/v1/auth/api-keys", thief.token, object{"name": "k", "expires_at": end}).want(201)
		deep := (&human{world: s.world, token: k.str("api_key")}).agent(object{"name": "deep"})
		taken := s.do("POST", "/v1/agents/"+s.worker.id+"/token", thief.token, nil).want(200).str("token")

		var kinds []string
		for _, o := range s.do("GET", one+"/made", mine, nil).want(200).list("made") {
			kinds = append(kinds, o["kind"].(string))
		}
		slices.Sort(kinds)
		if want := []string{"agent", "agent_token", "api_key", "invitation", "policy", "share", "vault"}; !slices.Equal(kinds, want) {
			t.Errorf("%s made %v", what, kinds)
		}
		s.do("GET", one+"/made", s.signup("eve"+id[:4]).token, nil).want(404, "session_not_found")
		s.do("DELETE", one+"?keep=true", s.ada.login(), nil).want(204)
		s.do("GET", "/v1/auth/me", thief.token, nil).want(401)
		s.do("GET", "/v1/agents/me", bot.token, nil).want(200)
		s.do("DELETE", one+"?keep=true", s.ada.login(), nil).want(404, "session_not_found")
		r := s.do("DELETE", one, s.ada.login(), nil).want(204)
		if got := r.header.Get("X-Ended"); got != "api_keys=1,agents=2,shares=1,policies=1,invitations=1,agent_tokens=1" {
			t.Errorf("%s: X-Ended: %q", what, got)
		}
		s.do("DELETE", one, s.ada.login(), nil).want(404, "session_not_found")
		for _, token := range []string{bot.token, deep.token, taken, k.str("api_key")} {
			s.do("GET", "/v1/agents/me", token, nil).want(401)
		}
		listed := func(query string) bool {
			return slices.ContainsFunc(s.do("GET", "/v1/auth/sessions"+query, mine, nil).want(200).list("sessions"), func(o object) bool { return o["id"] == id })
		}
		if listed("") || !listed("?ended=true") {
			t.Errorf("%s is among those that live: %v", what, listed(""))
		}
		s.Clock.Forward(2 * time.Minute) // mails to invite
		mine = s.ada.login()
	}
}

// A logout is no suspicion; a new password, and the end of all sessions, end tokens
// that were taken of agents with them.
func TestALogoutKeepsWhatTheLoginMade(t *testing.T) {
	s := openSession(t)
	take := func() (login, token string) {
		login = s.ada.login()
		return login, s.do("POST", "/v1/agents/"+s.worker.id+"/token", login, nil).want(200).str("token")
	}
	login, token := take()
	s.do("DELETE", "/v1/auth/token", login, nil).want(204)
	s.do("GET", "/v1/agents/me", token, nil).want(200)
	_, other := take()
	login, own := take()
	s.do("DELETE", "/v1/auth/sessions?keep_current=true", login, nil).want(204)
	s.do("GET", "/v1/agents/me", token, nil).want(401)
	s.do("GET", "/v1/agents/me", other, nil).want(401)
	s.do("GET", "/v1/agents/me", own, nil).want(200)
}

// What a login has agreed to it agrees to no more when it has ended: a device that it
// let in gets no token. One that has its token ends with the login for cause alone.
func TestADeviceIsLetInByALoginThatStands(t *testing.T) {
	s := openSession(t)
	letIn := func(login string) *device {
		d := s.device()
		s.do("POST", "/v1/auth/device/approve", login, object{"user_code": d.shown}).want(200)
		return d
	}
	for what, c := range map[string]struct {
		end  func(login string)
		code string
	}{
		"an end by another": {func(login string) {
			s.do("DELETE", "/v1/auth/sessions/"+s.sessionOf(login), s.ada.login(), nil).want(204)
		}, "access_denied"},
		"an end of all": {func(login string) { s.do("DELETE", "/v1/auth/sessions", login, nil).want(204) }, "expired_token"},
		"an end by another after a logout": {func(login string) {
			id := s.sessionOf(login)
			s.do("DELETE", "/v1/auth/token", login, nil).want(204)
			s.do("DELETE", "/v1/auth/sessions/"+id, s.ada.login(), nil).want(204)
		}, "access_denied"},
	} {
		login := s.ada.login()
		d := letIn(login)
		c.end(login)
		r := d.poll()
		r.what += " after " + what
		d.refused(r, c.code)
	}
	out := s.ada.login()
	waits := letIn(out)
	s.do("DELETE", "/v1/auth/token", out, nil).want(204) // as the page does that asked for the decision
	waits.poll().want(200)

	login := s.ada.login()
	d := letIn(login)
	in := d.poll().want(200).str("access_token")
	bot := (&human{world: s.world, token: in}).agent(nil)
	id := s.sessionOf(login)
	if l := s.do("GET", "/v1/auth/sessions/"+id+"/made", login, nil).want(200).list("made"); len(l) != 1 || l[0]["kind"] != "session" || l[0]["is_live"] != true {
		t.Errorf("made: %v", l)
	}
	s.do("DELETE", "/v1/auth/token", login, nil).want(204)
	s.do("GET", "/v1/auth/me", in, nil).want(200)
	r := s.do("DELETE", "/v1/auth/sessions/"+id, s.ada.login(), nil).want(204)
	if got := r.header.Get("X-Ended"); got != "agents=1,sessions=1" {
		t.Errorf("X-Ended: %q", got)
	}
	s.do("GET", "/v1/auth/me", in, nil).want(401)
	s.do("GET", "/v1/agents/me", bot.token, nil).want(401)
}

// What ends in another organisation is told there, and its ids there alone.
func TestWhatEndsElsewhereIsToldThere(t *testing.T) {
	for what, end := range map[string]func(s *session, mine, there, key string) reply{
		"one login": func(s *session, mine, there, _ string) reply {
			return s.do("DELETE", "/v1/auth/sessions/"+s.sessionOf(there), mine, nil).want(204)
		},
		"all logins": func(s *session, mine, _, _ string) reply {
			return s.do("DELETE", "/v1/auth/sessions?keep_current=true", mine, nil).want(204)
		},
		"a new password": func(s *session, mine, _, _ string) reply {
			return s.do("POST", "/v1/auth/change-password", mine, object{"current_password": password, "new_password": password + "-2"}).want(204)
		},
		"a stored login": func(s *session, mine, _, key string) reply {
			return s.do("DELETE", "/v1/auth/sessions/"+key, mine, nil).want(204)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openSession(t)
			bob := s.signup("bob")
			home := bob.org
			bob.joins(s.ada, "admin")
			there := bob.switched(s.ada.org)
			s.do("POST", "/v1/auth/switch-org", there, object{"org_id": home}).want(200) // the next login is at home
			key := s.do("POST", "/v1/auth/api-keys", there, object{"name": "k", "expires_at": s.Clock.Now().Add(5 * time.Minute)}).want(201)
			made := s.do("POST", "/v1/agents", key.str("api_key"), object{"name": "bot"}).want(201).str("agent", "id")
			mine := bob.login()
			r := end(s, mine, there, key.str("key", "id"))
			if r.header.Get("X-Ended") == "" {
				t.Error("nothing ended")
			}
			told := func(events []object) (ended string) {
				for _, e := range events {
					d, _ := e["details"].(object)
					if text, _ := d["ended"].(string); e["action"] != "api_key.create" {
						ended += text + " "
					}
				}
				return ended
			}
			his := s.do("GET", "/v1/audit/events?limit=100", mine, nil).want(200)
			if strings.Contains(string(his.body), made) || strings.Contains(told(his.list("events")), key.str("key", "id")) {
				t.Errorf("the home's log names another's ids: %s", told(his.list("events")))
			}
			hers := s.do("GET", "/v1/audit/events?limit=100", s.ada.token, nil).want(200)
			if !strings.Contains(told(hers.list("events")), ":") {
				t.Errorf("the log where it ended does not tell: %q", told(hers.list("events")))
			}
		})
	}
}

// A key that is left in an organisation without its user ends with the others, and keeps
// no password from being changed.
func TestAKeyInAnOrganisationThatWasLeftEndsToo(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	home := bob.org
	bob.joins(s.ada, "admin")
	s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "left", "expires_at": s.Clock.Now().Add(5 * time.Minute)}).want(201)
	s.do("POST", "/v1/auth/switch-org", bob.token, object{"org_id": home}).want(200)
	s.Exec(`DELETE FROM memberships WHERE user_id = ? AND org_id = ?`, bob.id, s.ada.org) // as no version of ours leaves it
	s.do("POST", "/v1/auth/change-password", bob.login(), object{"current_password": password, "new_password": password + "-2"}).want(204)
	live := 0
	s.Each(`SELECT 1 FROM user_keys WHERE revoked_at IS NULL AND name = 'left'`, func(scan func(...any) error) error { live++; var n int; return scan(&n) })
	if live > 0 {
		t.Error("the key lives")
	}
}
