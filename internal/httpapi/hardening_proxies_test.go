package httpapi_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// behind makes the world believe the proxies in 10.0.0.0/8.
func behind(s *setup) {
	s.Proxies = proxies.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, proxies.XForwardedFor)
}

// through sends a request by a proxy that says who its caller is.
func through(proxy, caller string) func(*http.Request) {
	return func(r *http.Request) {
		r.RemoteAddr = proxy
		r.Header.Set("X-Forwarded-For", caller)
	}
}

func TestTheCallersAddressIsKnownBehindAProxy(t *testing.T) {
	s := openSession(t, behind, rest.OneByOne)
	s.ada.put(s.vault, "c/d", "value")
	office := s.ada.agent(nil)
	s.ada.grant(s.vault, office, "c/*", object{"conditions": object{"ip_allowlist": []string{"198.51.100.0/24"}}}, "read")
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		logged string
	}{
		"by the proxy":                      {through("10.0.0.1:1", "198.51.100.9"), 200, "198.51.100.9"},
		"by the proxy, mapped":              {through("[::ffff:10.0.0.1]:1", "::ffff:198.51.100.9"), 200, "198.51.100.9"},
		"by the proxy, from elsewhere":      {through("10.0.0.1:1", "198.51.100.9, 203.0.113.1"), 403, "203.0.113.1"},
		"past the proxy with its header":    {through("203.0.113.1:1", "198.51.100.9"), 403, "203.0.113.1"},
		"by the proxy, which tells nothing": {from("10.0.0.1:1"), 403, "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			events := s.during(func() { s.do("GET", secretAt(s.vault, "c/d"), office.token, nil, c.change).want(c.status) })
			if len(events) != 1 || events[0].ip != c.logged {
				t.Errorf("logged %+v, want %s", events, c.logged)
			}
		})
	}
}

func TestLimitsCountCallersAndNotTheirProxy(t *testing.T) {
	w := open(t, behind, func(s *setup) { s.Limits = ratelimit.DefaultLimits() })
	login := func(caller string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": "nobody@example.com", "password": "x"}, through("10.0.0.1:1", caller))
	}
	for range 5 {
		login("198.51.100.1").want(401)
	}
	login("198.51.100.1").limited()
	login("192.0.2.66, 198.51.100.1").limited() // what the caller puts in front does not help
	login("198.51.100.2").want(401)
}
