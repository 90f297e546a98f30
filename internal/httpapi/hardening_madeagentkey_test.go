package httpapi_test

import (
	"testing"
	"time"
)

// A key that a stolen credential gave to an agent ends with that credential, and so
// does what the agent renewed it to. A token that it took is gone soon.
func TestAnAgentsKeyEndsWithWhatGaveIt(t *testing.T) {
	s := openSession(t)
	bot := "/v1/agents/" + s.worker.id
	s.do("PATCH", bot, s.ada.token, object{"token_ttl_seconds": 30 * 24 * 3600}).want(200)
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "stolen"}).want(201)
	key, one := k.str("api_key"), "/v1/auth/api-keys/"+k.str("key", "id")

	taken := s.do("POST", bot+"/token", key, nil).want(200).str("token")
	s.do("POST", bot+"/token", s.ada.login(), nil).want(200)
	s.Clock.Forward(time.Hour - time.Minute)
	s.do("GET", "/v1/agents/me", taken, nil).want(200)
	s.Clock.Forward(2 * time.Minute)
	s.do("GET", "/v1/agents/me", taken, nil).want(401)

	given := s.do("POST", bot+"/rotate-key", key, nil).want(200).str("api_key")
	s.Clock.Forward(2 * time.Hour)
	own := s.do("POST", bot+"/rotate-key", given, nil).want(200).str("api_key")
	token := (&robot{world: s.world, id: s.worker.id, key: own}).exchange()
	s.do("GET", "/v1/agents/me", token, nil).want(200)
	r := s.do("DELETE", one, s.ada.login(), nil).want(204)
	if got := r.header.Get("X-Ended"); got != "agent_keys=1" {
		t.Errorf("X-Ended: %q", got)
	}
	s.do("GET", "/v1/agents/me", own, nil).want(401)
	s.do("GET", "/v1/agents/me", token, nil).want(401)
	// The agent is there, and its human gives it a key that stays.
	fresh := s.do("POST", bot+"/rotate-key", s.ada.login(), nil).want(200).str("api_key")
	s.do("GET", "/v1/agents/me", fresh, nil).want(200)
}
