package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// Whatever ends logins ends the tokens of agents that were taken with them, and says how
// many of both, in the answer and in the log.
func TestWhatEndsLoginsSaysWhatEnded(t *testing.T) {
	change := func(s *session) reply {
		return s.do("POST", "/v1/auth/change-password", s.ada.token, object{"current_password": password, "new_password": "An0ther pass!word"}).want(204)
	}
	for name, c := range map[string]struct {
		end  func(s *session) reply
		want string
	}{
		"a new password": {change, "api_keys=1,agent_tokens=1,sessions=2"},
		"a reset password": {func(s *session) reply {
			s.Exec(`UPDATE users SET email_verified = 1`) // or its keys end, too
			s.do("POST", "/v1/auth/forgot-password", "", object{"email": s.ada.email}).want(200)
			s.Accounts.Wait()
			return s.do("POST", "/v1/auth/reset-password", "", object{"token": s.reset(s.ada.email), "new_password": "An0ther pass!word"}).want(204)
		}, "api_keys=1,agent_tokens=1,sessions=3"},
		"a second factor": {func(s *session) reply {
			key := s.do("POST", "/v1/auth/mfa/setup", s.ada.token, nil).want(200).str("secret")
			return s.do("POST", "/v1/auth/mfa/verify-setup", s.ada.token, object{"code": s.code(key)}).want(200)
		}, "api_keys=1,agent_tokens=1,sessions=2"},
		"the others ended": {func(s *session) reply {
			return s.do("DELETE", "/v1/auth/sessions?keep_current=true", s.ada.token, nil).want(204)
		}, "api_keys=1,agent_tokens=1,sessions=2"},
		"all ended": {func(s *session) reply {
			return s.do("DELETE", "/v1/auth/sessions", s.ada.token, nil).want(204)
		}, "api_keys=1,agent_tokens=1,sessions=3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSession(t)
			s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "stored", "expires_at": s.Clock.Now().Add(time.Hour)}).want(201)
			s.ada.login()
			taken := s.do("POST", "/v1/agents/"+s.worker.id+"/token", s.ada.login(), nil).want(200).str("token")
			var ended string
			logged := false
			for _, e := range s.during(func() { ended = c.end(s).header.Get("X-Ended") }) {
				logged = logged || strings.HasPrefix(e.detail("ended"), c.want)
			}
			if ended != c.want || !logged {
				t.Errorf("X-Ended: %q, and the log says so: %v", ended, logged)
			}
			s.do("GET", "/v1/agents/me", taken, nil).want(401)
			s.do("GET", "/v1/agents/me", s.worker.token, nil).want(200)
		})
	}
	t.Run("no second factor", func(t *testing.T) {
		s := openSession(t)
		key, _ := s.ada.secondFactor()
		s.Clock.Forward(time.Minute)
		r := s.do("DELETE", "/v1/auth/mfa", s.ada.token, object{"code": s.code(key)}).want(204)
		if got := r.header.Get("X-Ended"); got != "" {
			t.Errorf("X-Ended: %q", got)
		}
	})
}

// An account that is deleted says in the log of each organisation what ended there, and
// in the answer what ended in the caller's.
func TestADeletedAccountSaysWhatEnded(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	bot := bob.agent(object{"name": "bobs"})
	events := s.during(func() {
		if got := s.do("DELETE", "/v1/auth/me", bob.token, farewell).want(204).header.Get("X-Ended"); got != "agents=1" {
			t.Errorf("X-Ended: %q", got)
		}
	})
	if len(events) != 1 || events[0].detail("ended") != "agents=1 agent:"+bot.id {
		t.Errorf("the log says %v", events)
	}
	elsewhere := s.signup("eve")
	elsewhere.joins(s.ada, "member")
	bot = elsewhere.agent(object{"name": "eves"})
	boss := s.boss()
	events = s.during(func() {
		if got := s.do("DELETE", "/v1/admin/users/"+elsewhere.id, boss.token, nil).want(204).header.Get("X-Ended"); got != "" {
			t.Errorf("X-Ended: %q", got)
		}
	})
	for _, e := range events {
		if want := map[bool]string{true: "agents=1 agent:" + bot.id}[e.org == s.ada.org]; e.detail("ended") != want {
			t.Errorf("the log of %s says %q, want %q", e.org, e.detail("ended"), want)
		}
	}
}
