package httpapi_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
)

func defaults(s *setup) { s.Limits = ratelimit.DefaultLimits() }

// limited checks a 429 and returns after how many seconds to come back.
func (r reply) limited() time.Duration {
	r.t.Helper()
	r.want(429, "rate_limited")
	n, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || n < 1 {
		r.t.Fatalf("%s: Retry-After %q is no whole number of seconds", r.what, r.header.Get("Retry-After"))
	}
	return time.Duration(n) * time.Second
}

func TestLoginsAreLimitedByAddress(t *testing.T) {
	w := open(t, defaults)
	n := 0
	login := func(addr string) reply {
		n++ // attempts at one account have a limit of their own
		return w.do("POST", "/v1/auth/token", "", object{"email": fmt.Sprintf("nobody%d@example.com", n), "password": "x"}, from(addr))
	}
	for range 5 {
		login("192.0.2.1:1").want(401)
	}
	wait := login("192.0.2.1:2").limited() // another port is the same address
	login("[::ffff:192.0.2.1]:1").limited()
	login("192.0.2.2:1").want(401)
	w.Clock.Forward(wait)
	login("192.0.2.1:1").want(401)
	login("192.0.2.1:1").limited()
	// What one customer of an access provider holds counts as one address.
	for i := range 5 {
		login(fmt.Sprintf("[2001:db8:0:1::%x]:1", i)).want(401)
	}
	login("[2001:db8:0:1:ffff::1]:1").limited()
	login("[2001:db8:0:2::1]:1").want(401)
	w.Clock.Forward(time.Hour)
	for range 5 {
		login("192.0.2.1:1").want(401)
	}
	login("192.0.2.1:1").limited()
}

func TestEveryRouteThatTakesAttemptsIsLimited(t *testing.T) {
	w := open(t, defaults)
	ada := w.signup("ada")
	i := 0
	for name, c := range map[string]struct {
		method, target, token string
		body                  any
	}{
		"login":           {"POST", "/v1/auth/token", "", object{"email": "x", "password": "x"}},
		"signup":          {"POST", "/v1/auth/signup", "", object{"email": "x", "password": "x"}},
		"verify-email":    {"POST", "/v1/auth/verify-email", "", object{"token": "x"}},
		"change-password": {"POST", "/v1/auth/change-password", ada.token, object{"current_password": "x", "new_password": "x"}},
		"agent-token":     {"POST", "/v1/auth/agent-token", "", object{"api_key": "ocv_x"}},
		"api-key-token":   {"POST", "/v1/auth/api-key-token", "", object{"api_key": "1ck_x"}},
		"mfa/verify":      {"POST", "/v1/auth/mfa/verify", "", object{"mfa_token": "x", "code": "x"}},
		"forgot-password": {"POST", "/v1/auth/forgot-password", "", object{"email": "x@example.com"}},
		"reset-password":  {"POST", "/v1/auth/reset-password", "", object{"token": "x", "new_password": "x"}},
		"mfa/setup":       {"POST", "/v1/auth/mfa/setup", ada.token, nil},
		"mfa/disable":     {"DELETE", "/v1/auth/mfa", ada.token, nil},
		"passkey-login":   {"POST", "/v1/auth/passkey-login", "", object{"token": "x", "credential": object{}}},
		"passkey/begin":   {"POST", "/v1/auth/passkey-login/begin", "", nil},
		"refresh":         {"POST", "/v1/auth/refresh", "", nil},
		"broken JSON":     {"POST", "/v1/auth/token", "", "{"},
	} {
		i++
		addr := from(fmt.Sprintf("198.51.100.%d:1", i))
		for range 5 {
			if r := w.do(c.method, c.target, c.token, c.body, addr); r.status == 429 {
				t.Errorf("%s: limited too early", name)
			}
		}
		r := w.do(c.method, c.target, c.token, c.body, addr)
		r.what = name
		r.limited()
	}
}

func TestGoodKeysBehindOneAddressAreNotLimited(t *testing.T) {
	w := open(t, func(s *setup) { s.Limits.Auth = ratelimit.DefaultLimits().Auth })
	ada := w.signup("ada")
	a := ada.agent(nil)
	key := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "x"}).want(201).str("api_key")
	good := func() {
		t.Helper()
		for range 50 {
			w.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key}).want(200)
			w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200)
			w.do("GET", "/v1/vaults", a.token, nil).want(200)
		}
	}
	good()
	limited := 0
	for range 20 { // a neighbour that sends wrong keys
		if r := w.do("POST", "/v1/auth/agent-token", "", object{"api_key": "ocv_x"}); r.status == 429 {
			r.limited()
			limited++
		}
	}
	if limited < 14 {
		t.Errorf("of 20 wrong keys %d were limited", limited)
	}
	good()
}

func TestGeneralLimits(t *testing.T) {
	w := open(t, defaults)
	ada := w.signup("ada")
	for _, own := range []string{"127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		for range 210 {
			w.do("GET", "/v1/vaults", ada.token, nil, from(own)).want(200)
		}
	}
	for range 200 {
		w.do("GET", "/v1/vaults", ada.token, nil, from("203.0.113.1:1")).want(200)
	}
	w.do("GET", "/v1/vaults", ada.token, nil, from("203.0.113.1:1")).limited()
	byAddress := open(t, func(s *setup) { s.Limits.Address = ratelimit.Rate{PerSecond: 1, Burst: 20} })
	eve := byAddress.signup("eve")
	limited := 0
	for range 30 {
		if r := byAddress.do("GET", "/v1/vaults", eve.token, nil); r.status == 429 {
			r.limited()
			limited++
		}
	}
	if limited != 12 { // signing up took two
		t.Errorf("%d of 30 were limited", limited)
	}
	byAddress.do("GET", "/v1/nope", "", nil).limited()
	byAddress.do("GET", "/v1/vaults", eve.token, nil, from("192.0.2.99:1")).want(200)
	byPrincipal := open(t, func(s *setup) { s.Limits.Principal = ratelimit.Rate{PerSecond: 1, Burst: 10} })
	bob, kim := byPrincipal.signup("bob"), byPrincipal.signup("kim")
	limited = 0
	for i := range 20 { // from wherever
		if r := byPrincipal.do("GET", "/v1/vaults", bob.token, nil, from(fmt.Sprintf("192.0.2.%d:1", i+1))); r.status == 429 {
			r.limited()
			limited++
		}
	}
	if limited != 11 { // looking at the profile took one
		t.Errorf("%d of 20 were limited", limited)
	}
	byPrincipal.do("GET", "/v1/vaults", kim.token, nil).want(200)
}

func TestAttemptsAtAgentKeysAreLimited(t *testing.T) {
	s := open(t, func(c *setup) { c.Limits = ratelimit.DefaultLimits() })
	token := s.signup("ada").token // one of five
	key := s.ask(201, "POST", "/v1/agents", token, `{"name":"worker"}`).str("api_key")
	limited := 0
	for range 12 {
		r := s.try("POST", "/v1/auth/agent-token", "", `{"api_key":"ocv_nobody"}`)
		if r.status == 429 && r.header.Get("Retry-After") != "" {
			limited++
		} else if r.status != 401 {
			t.Errorf("%d %s", r.status, string(r.body))
		}
	}
	if limited == 0 {
		t.Error("wrong keys are never limited")
	}
	for range 12 {
		s.ask(200, "POST", "/v1/auth/agent-token", "", `{"api_key":"`+key+`"}`) // right ones are
	}
}
