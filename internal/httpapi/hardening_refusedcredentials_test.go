package httpapi_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
)

// A refused credential of a known account is in the log of the account's organisation,
// and the answer does not tell whether there is such an account.
func TestAnOrganisationSeesRefusedCredentialsOfItsOwn(t *testing.T) {
	w := open(t)
	ada, eve := w.signup("ada"), w.signup("eve")
	a := ada.agent(object{"expires_at": w.Clock.Now().Add(time.Minute)})
	w.do("GET", "/v1/agents/me", a.key, nil).want(200)
	w.Clock.Forward(2 * time.Minute)
	login := func(email string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": email, "password": "x"})
	}
	var known, unknown reply
	events := w.during(func() {
		for i := range 50 {
			if i < 5 { // more would have to wait
				known, unknown = login("ada@example.com"), login("nobody@example.com")
			}
			w.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key}).want(401)
			w.do("GET", "/v1/vaults", a.key, nil).want(401)
		}
	})
	if known.status != 401 || unknown.status != 401 || !bytes.Equal(known.body, unknown.body) {
		t.Errorf("answers differ: %d %s, %d %s", known.status, known.body, unknown.status, unknown.body)
	}
	got := map[string]int{}
	for _, e := range events {
		if e.action != "auth.failure" || e.actor != "" || e.actorKind != "anonymous" || e.ip == "" {
			t.Errorf("event %+v", e)
		}
		got[e.org+" "+e.detail("reason")+" "+e.detail("target")]++
	}
	me := w.do("GET", "/v1/auth/me", ada.token, nil).want(200)
	org, user := me.str("org_id"), me.str("id")
	for _, want := range []string{
		org + " wrong_password user:" + user, org + " agent_expired agent:" + a.id, audit.SystemOrg + " unknown_user ",
	} {
		if got[want] != 1 {
			t.Errorf("%d events %q of %v", got[want], want, got)
		}
	}
	if len(events) != 3 {
		t.Errorf("110 refused requests left %d events: %v", len(events), events)
	}
	list := func(token string) string {
		return string(w.do("GET", "/v1/audit/events?action=auth.failure", token, nil).want(200).body)
	}
	if l := list(ada.token); !strings.Contains(l, "wrong_password") || !strings.Contains(l, "agent:"+a.id) {
		t.Errorf("the owner sees %s", l)
	}
	if l := list(eve.token); strings.Contains(l, user) {
		t.Errorf("another organisation sees %s", l)
	}
}

// The log does not grow with what the limit of a caller refuses.
func TestRequestsThatCameTooSoonAreCounted(t *testing.T) {
	w := open(t, func(s *setup) { s.Limits.Principal = ratelimit.Rate{PerSecond: 1, Burst: 10} })
	bob := w.signup("bob")
	for w.do("GET", "/v1/vaults", bob.token, nil).status != 429 {
	}
	events := w.during(func() {
		for range 100 {
			w.do("GET", "/v1/vaults", bob.token, nil).limited()
			w.do("GET", "/v1/agents", bob.token, nil).limited()
		}
	})
	if len(events) != 1 || events[0].detail("reason") != "rate_limited" || events[0].action != "agent.list" || events[0].actor == "" {
		t.Errorf("200 requests that came too soon left %d events: %v", len(events), events)
	}
}

// Which of two credentials counts would depend on who reads the request.
func TestTwoCredentialsInARequestAreNone(t *testing.T) {
	s := openSession(t)
	both := func(one, two string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + one, "Bearer " + two} }
	}
	for _, path := range []string{"/v1/auth/me", "/v1/openapi.json"} {
		s.do("GET", path, s.ada.token, nil).want(200)
	}
	s.do("GET", "/v1/auth/me", "", nil, both(s.ada.token, s.worker.token)).want(401)
	s.do("GET", "/v1/auth/me", "", nil, both(s.ada.token, s.ada.token)).want(401)
	s.do("DELETE", "/v1/auth/token", "", nil, both(s.ada.token, s.ada.token)).want(401)
	s.do("GET", "/v1/auth/me", s.ada.token, nil).want(200)
}
