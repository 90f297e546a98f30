package httpapi_test

import "testing"

// Who holds a stolen key can't end it in a way that keeps what was made with it from
// its owner, nor keep what was made with another.
func TestWhatAStolenKeyKeptIsEndedByItsOwner(t *testing.T) {
	s := openSession(t)
	all := map[string]bool{"the second key": true, "the agent": true, "its token": true, "a link of the login": true,
		"a link of the first key": true, "a link of the second key": true, "a link of the agent": true}
	t.Run("a key that ends itself", func(t *testing.T) {
		m := s.makes(t)
		one := "/v1/auth/api-keys/" + m.keyID
		m.do("DELETE", one+"?keep=true", m.second, nil).want(403, "person_required")
		m.do("DELETE", one+"?keep=true", m.key, nil).want(204)
		m.works(t, all)
		m.do("DELETE", one+"?keep=true", s.ada.token, nil).want(404, "api_key_not_found")
		r := m.do("DELETE", one, s.ada.token, nil).want(204)
		if got := r.header.Get("X-Ended"); got != "api_keys=1,agents=1,shares=3,policies=1" {
			t.Errorf("X-Ended: %q", got)
		}
		m.works(t, map[string]bool{"a link of the login": true})
		m.do("DELETE", one, s.ada.token, nil).want(404, "api_key_not_found")
	})
	t.Run("an agent", func(t *testing.T) {
		m := s.makes(t)
		bot := "/v1/agents/" + m.bot.id
		m.do("DELETE", bot+"?keep=true", m.key, nil).want(403, "person_required")
		m.do("POST", bot+"/rotate-key?keep=true", m.key, nil).want(403, "person_required")
		m.bot.key = m.do("POST", bot+"/rotate-key?keep=true", m.bot.key, nil).want(200).str("api_key")
		m.do("GET", m.links["the agent"], "", nil).want(200)
		m.do("DELETE", bot+"?keep=true", s.ada.token, nil).want(204)
		r := m.do("DELETE", bot, s.ada.token, nil).want(204)
		if got := r.header.Get("X-Ended"); got != "shares=1" {
			t.Errorf("X-Ended: %q", got)
		}
		if m.do("GET", m.links["the agent"], "", nil).status == 200 {
			t.Error("the agent's link goes on")
		}
	})
}
