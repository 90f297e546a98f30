package proxies_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

func networks(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestClient(t *testing.T) {
	ours := networks("10.0.0.0/8", "2001:db8:1::/48", "::ffff:192.0.2.8/128")
	for name, c := range map[string]struct {
		proxies   []netip.Prefix
		header    string
		peer      string
		sent      http.Header
		want      string
		fromProxy bool
	}{
		"no proxies are named": {nil, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "10.0.0.1", false},
		"a stranger sends the header": {
			ours, "X-Forwarded-For", "203.0.113.5:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "203.0.113.5", false,
		},
		"a proxy without the header":          {ours, "X-Forwarded-For", "10.0.0.1:1", nil, "10.0.0.1", true},
		"a proxy with one address":            {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1", true},
		"the caller put something in front":   {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 198.51.100.1"}}, "198.51.100.1", true},
		"the caller put nonsense in front":    {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"<x>, 198.51.100.1"}}, "198.51.100.1", true},
		"two proxies, two lines":              {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.66,198.51.100.1", "10.9.9.9"}}, "198.51.100.1", true},
		"a proxy wrote what is no address":    {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.1, unknown"}}, "10.0.0.1", true},
		"an empty element at the end":         {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.1,"}}, "10.0.0.1", true},
		"proxies only":                        {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, "10.0.0.1", true},
		"addresses with ports":                {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.1:4711, [2001:db8:1::2]:80"}}, "198.51.100.1", true},
		"an address with a zone":              {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"fe80::1%eth0"}}, "10.0.0.1", true},
		"IPv6 that holds IPv4":                {ours, "X-Forwarded-For", "[::ffff:10.0.0.1]:1", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.1"}}, "198.51.100.1", true},
		"a proxy named as IPv6 that holds v4": {ours, "X-Forwarded-For", "192.0.2.8:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1", true},
		"a proxy on IPv6":                     {ours, "X-Forwarded-For", "[2001:db8:1::7]:1", http.Header{"X-Forwarded-For": {"2001:db8:2::1"}}, "2001:db8:2::1", true},
		"the header that is not ours":         {ours, "X-Forwarded-For", "10.0.0.1:1", http.Header{"Forwarded": {"for=198.51.100.1"}, "X-Real-Ip": {"198.51.100.1"}}, "10.0.0.1", true},
		"both headers":                        {ours, "Forwarded", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.66"}, "Forwarded": {"for=198.51.100.1"}}, "198.51.100.1", true},
		"the standard header, whole": {
			ours, "forwarded", "10.0.0.1:1",
			http.Header{"Forwarded": {`for=192.0.2.66, For="[2001:db8:2::1]:4711";proto=https; by=10.0.0.2`, "for=10.0.0.2"}}, "2001:db8:2::1", true,
		},
		"the standard header, hidden":        {ours, "Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {"for=_hidden"}}, "10.0.0.1", true},
		"the standard header, without for":   {ours, "Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {"for=198.51.100.1, proto=https"}}, "10.0.0.1", true},
		"the standard header, for twice":     {ours, "Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {"for=198.51.100.1;for=198.51.100.2"}}, "10.0.0.1", true},
		"the standard header, open quote":    {ours, "Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {`for="198.51.100.1`}}, "10.0.0.1", true},
		"a peer that has no address at all":  {ours, "X-Forwarded-For", "@", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "invalid IP", false},
		"a peer on a link of its own (zone)": {ours, "X-Forwarded-For", "[fe80::1%eth0]:1", nil, "fe80::1", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header = c.peer, c.sent
			if addr, from := proxies.New(c.proxies, c.header).Client(r); addr.String() != c.want || from != c.fromProxy {
				t.Errorf("got %v %v, want %v %v", addr, from, c.want, c.fromProxy)
			}
		})
	}
}

func TestPass(t *testing.T) {
	outer := httptest.NewRequest(http.MethodPost, "/page", nil)
	outer.RemoteAddr, outer.TLS = "10.0.0.1:1", &tls.ConnectionState{}
	outer.Header = http.Header{"X-Forwarded-For": {"192.0.2.66", "198.51.100.1"}, "Cookie": {"not passed on"}}
	inner := httptest.NewRequest(http.MethodPost, "/v1/x", nil)
	proxies.Pass(inner, outer)
	if addr, from := proxies.New(networks("10.0.0.0/8"), proxies.XForwardedFor).Client(inner); addr.String() != "198.51.100.1" || !from {
		t.Errorf("%v %v", addr, from)
	}
	if inner.TLS != outer.TLS || inner.Header.Get("Cookie") != "" {
		t.Errorf("%+v", inner)
	}
}

func FuzzClient(f *testing.F) {
	for _, s := range []string{"", "198.51.100.1", "a,b", "for=198.51.100.1", `for="[::1]:1", for=10.0.0.1`, "::ffff:10.0.0.1"} {
		f.Add(s)
	}
	sets := []proxies.Set{proxies.New(networks("10.0.0.0/8"), "X-Forwarded-For"), proxies.New(networks("10.0.0.0/8"), "Forwarded")}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		for _, set := range sets {
			for _, end := range []string{", 198.51.100.1", ", for=198.51.100.1"} {
				r.Header = http.Header{"X-Forwarded-For": {text, end[2:]}, "Forwarded": {text + end}}
				addr, from := set.Client(r)
				if !from || !addr.IsValid() || addr != addr.Unmap() || (addr.String() != "198.51.100.1" && addr.String() != "10.0.0.1") {
					t.Errorf("%q: %v %v", text+end, addr, from)
				}
			}
		}
	})
}
