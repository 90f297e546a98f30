package netguard_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/netguard"
)

// names is a resolver that answers each question about a name with the next of
// its lists, and the last one for ever: what a rebinding attacker's does.
type names struct {
	mu    sync.Mutex
	lists map[string][][]string
	asked []string
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, host)
	lists := n.lists[host]
	if len(lists) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(lists) > 1 {
		n.lists[host] = lists[1:]
	}
	var out []netip.Addr
	for _, s := range lists[0] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

// dialled notes which addresses were connected to, and connects to none.
type dialled struct {
	mu   sync.Mutex
	to   []string
	fail map[string]bool
}

func (d *dialled) connect(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = append(d.to, to.String())
	if d.fail[to.String()] {
		return nil, errors.New("refused by the peer")
	}
	near, far := net.Pipe()
	_ = far.Close()
	return near, nil
}

func allow(t testing.TB, list string) netguard.Allow {
	t.Helper()
	a, err := netguard.ParseAllow(list)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDial(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allow   string
		address string
		lists   [][]string
		fail    []string
		want    []string // nil: refused, and nothing was dialled
		lost    bool     // all that were dialled failed
	}{
		"a public name":    {address: "a.test:443", lists: [][]string{{"8.8.8.8"}}, want: []string{"8.8.8.8:443"}},
		"a public address": {address: "8.8.8.8:443", want: []string{"8.8.8.8:443"}},
		"an address in IPv6 form is dialled as what it is": {address: "a.test:443", lists: [][]string{{"::ffff:8.8.8.8"}}, want: []string{"8.8.8.8:443"}},
		"the second address when the first does not answer": {
			address: "a.test:443", lists: [][]string{{"8.8.8.8", "9.9.9.9"}}, fail: []string{"8.8.8.8:443"}, want: []string{"8.8.8.8:443", "9.9.9.9:443"},
		},
		"no more than four addresses": {
			address: "a.test:443", lists: [][]string{{"8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4", "8.8.8.5"}},
			fail: []string{"8.8.8.1:443", "8.8.8.2:443", "8.8.8.3:443", "8.8.8.4:443"},
			want: []string{"8.8.8.1:443", "8.8.8.2:443", "8.8.8.3:443", "8.8.8.4:443"}, lost: true,
		},
		"a name that is private the second time it is asked": {
			address: "a.test:443", lists: [][]string{{"8.8.8.8"}, {"127.0.0.1"}}, want: []string{"8.8.8.8:443"},
		},
		"a loopback address":                                  {address: "127.0.0.1:443"},
		"a loopback address in another spelling":              {address: "[::ffff:7f00:1]:443"},
		"an address with a zone":                              {address: "[fe80::1%lo]:443"},
		"a name that is private":                              {address: "a.test:443", lists: [][]string{{"10.0.0.1"}}},
		"a name that is public and private":                   {address: "a.test:443", lists: [][]string{{"8.8.8.8", "10.0.0.1"}}},
		"a name in digits that the system takes for loopback": {address: "2130706433:443", lists: [][]string{{"127.0.0.1"}}},
		"a name without addresses":                            {address: "a.test:443", lists: [][]string{{}}},
		"no port":                                             {address: "a.test", lists: [][]string{{"8.8.8.8"}}},
		"port 0":                                              {address: "a.test:0", lists: [][]string{{"8.8.8.8"}}},
		"an allowed network":                                  {allow: "10.0.0.0/8", address: "a.test:443", lists: [][]string{{"10.1.2.3"}}, want: []string{"10.1.2.3:443"}},
		"an allowed address":                                  {allow: "127.0.0.1", address: "127.0.0.1:80", want: []string{"127.0.0.1:80"}},
		"another address than the allowed one":                {allow: "127.0.0.1", address: "127.0.0.2:80"},
		"an allowed name and port":                            {allow: "IDP.internal:8443", address: "idp.internal.:8443", lists: [][]string{{"10.0.0.1"}}, want: []string{"10.0.0.1:8443"}},
		"another port than the allowed one":                   {allow: "idp.internal:8443", address: "idp.internal:22", lists: [][]string{{"10.0.0.1"}}},
		"another name for an allowed one's address":           {allow: "idp.internal:8443", address: "a.test:8443", lists: [][]string{{"10.0.0.1"}}},
		"an allowed address and port":                         {allow: "[fd00::1]:8443", address: "a.test:8443", lists: [][]string{{"fd00::1"}}, want: []string{"[fd00::1]:8443"}},
		"metadata inside an allowed network":                  {allow: "169.254.0.0/16", address: "169.254.169.254:80"},
		"metadata inside an allowed NAT64":                    {allow: "64:ff9b::/96", address: "[64:ff9b::a9fe:a9fe]:80"},
		"metadata under an allowed name":                      {allow: "a.test:80", address: "a.test:80", lists: [][]string{{"169.254.169.254"}}},
		"metadata that is allowed by its own name":            {allow: "169.254.169.254", address: "169.254.169.254:80", want: []string{"169.254.169.254:80"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, _, _ := net.SplitHostPort(c.address)
			d := &dialled{fail: map[string]bool{}}
			for _, f := range c.fail {
				d.fail[f] = true
			}
			n := &names{lists: map[string][][]string{host: c.lists}}
			if host == "idp.internal." { // asked for without the dot
				n.lists = map[string][][]string{"idp.internal": c.lists}
			}
			g := netguard.New(netguard.Config{Allow: allow(t, c.allow), Resolver: n, Connect: d.connect})
			conn, err := g.Dial(t.Context(), "tcp", c.address)
			if conn != nil {
				defer conn.Close()
			}
			if !slices.Equal(d.to, c.want) {
				t.Errorf("dialled %v, want %v", d.to, c.want)
			}
			switch {
			case c.want == nil && !errors.Is(err, netguard.ErrRefused):
				t.Errorf("error %v", err)
			case c.want != nil && (err != nil) != c.lost:
				t.Errorf("error %v", err)
			}
			if len(n.asked) > 1 {
				t.Errorf("asked %d times", len(n.asked))
			}
		})
	}
}

func TestANameThatDoesNotResolveIsNotRefused(t *testing.T) {
	t.Parallel()
	g := netguard.New(netguard.Config{Resolver: &names{}})
	if _, err := g.Dial(t.Context(), "tcp", "a.test:443"); err == nil || errors.Is(err, netguard.ErrRefused) {
		t.Errorf("error %v", err)
	}
	for _, network := range []string{"udp", "unix", "ip"} {
		if _, err := g.Dial(t.Context(), network, "8.8.8.8:53"); !errors.Is(err, netguard.ErrRefused) {
			t.Errorf("%s: error %v", network, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allow string
		url   string
		ok    bool
	}{
		"https":                             {url: "https://a.test/x?y", ok: true},
		"https at a port":                   {url: "https://a.test:8443/", ok: true},
		"https at a public address":         {url: "https://8.8.8.8/", ok: true},
		"http":                              {url: "http://a.test/"},
		"http at a public address":          {allow: "127.0.0.1", url: "http://8.8.8.8/"},
		"http at an allowed address":        {allow: "127.0.0.0/8", url: "http://127.0.0.1:81/", ok: true},
		"http at what may be allowed":       {allow: "127.0.0.0/8", url: "http://idp.internal/", ok: true},
		"https at a private address":        {url: "https://10.0.0.1/"},
		"https at a private IPv6 address":   {url: "https://[::1]/"},
		"https at a mapped private address": {url: "https://[::ffff:10.0.0.1]/"},
		"https at an address with a zone":   {url: "https://[fe80::1%25lo]/"},
		"a user":                            {url: "https://u:p@a.test/"},
		"no host":                           {url: "https:///x"},
		"no scheme":                         {url: "a.test/x"},
		"an opaque URL":                     {url: "https:a.test"},
		"a file":                            {url: "file:///etc/passwd"},
		"gopher":                            {url: "gopher://a.test/"},
		"a port that is none":               {url: "https://a.test:99999/"},
		"nothing":                           {url: ""},
		"a control character":               {url: "https://a.test/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := netguard.New(netguard.Config{Allow: allow(t, c.allow)}).CheckURL(c.url)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, netguard.ErrRefused) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestListsThatAreNotUnderstoodAreRefused(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"10.0.0.0/33", "nonsense", "http://a.test", "a.test:http", "a.test:0", "*.internal:80", "10.0.0.1-10.0.0.9", "fe80::1%lo", "::ffff:10.0.0.0/104", "10.0.0.0/8;127.0.0.1"} {
		if _, err := netguard.ParseAllow(list); err == nil {
			t.Errorf("%q is taken", list)
		}
	}
	for _, list := range []string{"", " ", "10.0.0.0/8, 127.0.0.1 ,[::1]:80,::1,a.test:1"} {
		if _, err := netguard.ParseAllow(list); err != nil {
			t.Errorf("%q is refused", list)
		}
	}
}

// What is named to be called later is refused at once when it can't be called now,
// and nobody learns from that which names there are.
func TestReach(t *testing.T) {
	t.Parallel()
	g := netguard.New(netguard.Config{
		Allow: allow(t, "10.1.0.0/16"), Resolver: &names{lists: map[string][][]string{
			"public.example": {{"93.184.215.14"}}, "private.example": {{"10.0.0.1"}}, "allowed.example": {{"10.1.0.1"}}, "both.example": {{"93.184.215.14", "127.0.0.1"}},
		}},
	})
	for address, ok := range map[string]bool{
		"https://public.example/x": true, "https://allowed.example": true, "http://allowed.example": true, "https://93.184.215.14:8443": true,
		"http://public.example": false, "https://private.example": false, "https://both.example": false, "https://unknown.example": false,
		"https://127.0.0.1": false, "https://169.254.169.254/latest": false, "ftp://public.example": false, "https://a:b@public.example": false, "https://[::1": false,
	} {
		err := g.Reach(t.Context(), address)
		if (err == nil) != ok || err != nil && !errors.Is(err, netguard.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
