package childproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// asks is one request with a placeholder in Authorization.
func (r *run) asks(c *http.Client, method, url string) (*http.Response, string) {
	r.s.t.Helper()
	q, err := http.NewRequestWithContext(r.s.t.Context(), method, url, http.NoBody)
	must(r.s.t, err)
	q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
	res, err := c.Do(q)
	text := bodyOf(r.s.t, res, err)
	return res, text
}

// trusted has a client trust the services themselves, beside the proxy.
func (s *stage) trusted(tr *http.Transport) { tr.TLSClientConfig.RootCAs.AddCert(s.ca.Certificate()) }

// A value that was replaced is what the next request in an open tunnel has; one that was deleted goes nowhere.
func TestANewValueIsUsedInAnOpenTunnel(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	var tunnels atomic.Int64
	c := r.client(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			tunnels.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
	for _, value := range []string{hidden, "another-V4lue-of-the-service-0123456789", "a-third-V4lue-of-the-service"} {
		_, err := s.owner.PutSecret(t.Context(), s.vault, "k", client.ValueOf(value), client.PutOptions{})
		must(t, err)
		if res, text := r.asks(c, http.MethodGet, "https://api.test/"); res.StatusCode != 200 {
			t.Fatalf("got %d %s", res.StatusCode, text)
		}
		if got := s.site.last(t).Header.Get("Authorization"); got != "Bearer "+value {
			t.Errorf("the service got %q", got)
		}
	}
	must(t, s.owner.DeleteSecret(t.Context(), s.vault, "k"))
	if res, text := r.asks(c, http.MethodGet, "https://api.test/"); res.StatusCode != 410 && res.StatusCode != 404 || len(s.site.seen()) != 0 {
		t.Errorf("of one that is deleted: %d %s", res.StatusCode, text)
	}
	if tunnels.Load() != 1 {
		t.Errorf("there were %d tunnels", tunnels.Load())
	}
}

// Paths and methods of a binding hold without TLS as they do with it, whichever way the request comes.
func TestBoundsHoldWithoutTLS(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"plain.test:80", "api.test"}, Paths: []string{"/v1/**"}, Methods: []string{"GET"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	for _, base := range []string{"http://plain.test", "https://api.test"} {
		for _, c := range []struct {
			method, path string
			status       int
		}{{"GET", "/v1/me", 200}, {"GET", "/v2/me", 403}, {"POST", "/v1/me", 403}, {"DELETE", "/v1/me", 403}, {"GET", "/v1%2Fme", 403}} {
			res, text := r.asks(r.client(), c.method, base+c.path)
			if got := len(s.site.seen()); res.StatusCode != c.status || got != map[int]int{200: 1, 403: 0}[c.status] || strings.Contains(text, hidden) {
				t.Errorf("%s %s%s: %d %q after %d requests", c.method, base, c.path, res.StatusCode, text, got)
			}
		}
	}
	// A tunnel to the port of http has the same bounds.
	for path, status := range map[string]int{"/v1/me": 200, "/v2/me": 403} {
		in := r.raw(t)
		in.says("CONNECT plain.test:80 HTTP/1.1\r\nHost: plain.test:80\r\n" + r.token() + "\r\n")
		if res, err := http.ReadResponse(in.in, &http.Request{Method: http.MethodConnect}); err != nil || res.StatusCode != 200 {
			t.Fatalf("%v %v", res, err)
		}
		in.says("GET " + path + " HTTP/1.1\r\nHost: plain.test\r\nAuthorization: Bearer " + r.vars["TOKEN"] + "\r\n\r\n")
		if res, text := in.hears(); res == nil || res.StatusCode != status {
			t.Errorf("in a tunnel, %s: %v %s", path, res, text)
		}
	}
}

// Where the server can't be asked, or takes the agent no more, what has a placeholder is not sent; what has none is.
func TestWithoutTheServerNoPlaceholderIsSent(t *testing.T) {
	for what, end := range map[string]func(s *stage){
		"it is away": func(s *stage) { s.front.Close() },
		"the agent is stopped": func(s *stage) {
			_, err := s.owner.UpdateAgent(t.Context(), s.id, client.AgentUpdate{IsActive: new(bool)})
			must(t, err)
		},
		"it answers what nobody reads": func(s *stage) {
			s.front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
		},
		"it breaks off": func(s *stage) {
			s.front.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openStage(t)
			s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
			r := s.start(map[string]string{"TOKEN": "k"}, byToken)
			end(s)
			for _, url := range []string{"https://api.test/", "http://api.test/"} {
				res, text := r.asks(r.client(), http.MethodPost, url)
				if res.StatusCode < 400 || !strings.HasPrefix(text, "oneclaw proxy: ") {
					t.Errorf("%s: got %d %q", url, res.StatusCode, text)
				}
				if n := len(s.site.seen()); n != 0 {
					t.Errorf("%s: the service got %d requests", url, n)
				}
			}
			res, err := r.client(s.trusted).Get("https://free.test/")
			if text := bodyOf(t, res, err); text != "ok" {
				t.Errorf("another host: %q", text)
			}
		})
	}
}

// A WebSocket goes to the port that it names.
func TestAWebSocketKeepsItsPort(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test:6443"}})
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	s.site.says(func(w http.ResponseWriter, q *http.Request) {
		c, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_ = both.Flush()
	})
	for _, with := range []bool{true, false} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test:6443/socket", http.NoBody)
		must(t, err)
		q.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		if with {
			q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
		}
		res, err := r.client(func(tr *http.Transport) { tr.ForceAttemptHTTP2 = false }).Do(q)
		must(t, err)
		_ = res.Body.Close()
		if got := s.site.last(t); res.StatusCode != http.StatusSwitchingProtocols || got.Host != "api.test:6443" {
			t.Errorf("with a secret %v: %d, the service got %s", with, res.StatusCode, got.Host)
		}
	}
}

// A program that is asked for the token says it on the same connection.
func TestTheTokenIsAskedForOnTheSameConnection(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test", "plain.test:80"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	auth := "Authorization: Bearer " + r.vars["TOKEN"] + "\r\n"
	in := r.raw(t)
	for _, token := range []string{"", "Proxy-Authorization: Basic b25lY2xhdzp4\r\n", r.token(), ""} {
		in.says("GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n" + auth + token + "\r\n")
		res, text := in.hears()
		want := http.StatusProxyAuthRequired
		if token == r.token() {
			want = http.StatusOK
		}
		if res == nil || res.StatusCode != want || res.Close || want == http.StatusProxyAuthRequired && res.Header.Get("Proxy-Authenticate") == "" {
			t.Fatalf("%q: got %+v %q", token, res, text)
		}
	}
	in.says("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n")
	if res, text := in.hears(); res == nil || res.StatusCode != http.StatusProxyAuthRequired || res.Close {
		t.Fatalf("a tunnel: %+v %q", res, text)
	}
	in.says("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n" + r.token() + "\r\n")
	if res, err := http.ReadResponse(in.in, &http.Request{Method: http.MethodConnect}); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a tunnel with the token: %+v %v", res, err)
	}
}

// Whatever a path has escaped reaches the service as it was written, and HEAD does where GET does.
func TestPathsAndHeadsAsPackageManagersAsk(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}, Methods: []string{"GET"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	for _, path := range []string{"/storage/v1/b/bucket/o/a%2Fb%2Fc?alt=media", "/@scope%2Fname", "/a%20b/c+d/%C3%BC", "/x;v=1/y,z", "/v2/library/alpine/manifests/sha256:0123", "/a/b/", "/?a=%2F&b=c%20d&&e"} {
		if res, text := r.asks(r.client(), http.MethodGet, "https://api.test"+path); res.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, res.StatusCode, text)
		}
		if got := s.site.last(t).RequestURI; got != path {
			t.Errorf("the service got %s, not %s", got, path)
		}
	}
	if res, text := r.asks(r.client(), http.MethodHead, "https://api.test/package"); res.StatusCode != 200 || s.site.last(t).Method != http.MethodHead {
		t.Errorf("HEAD: %d %s", res.StatusCode, text)
	}
	if res, _ := r.asks(r.client(), http.MethodOptions, "https://api.test/package"); res.StatusCode != 403 {
		t.Errorf("OPTIONS: %d", res.StatusCode)
	}
}

// One more secret in a run changes nothing for hosts that none of them is for, nor for the other's.
func TestASecretMoreShadowsNothing(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"*.a.test"}, Paths: []string{"/one/**"}}, client.Binding{Hosts: []string{"api.a.test"}, Paths: []string{"/two/**"}})
	s.keep("other", "another-V4lue-0123456789", client.Binding{Hosts: []string{"api.a.test"}, In: "header:X-Key"}, client.Binding{Hosts: []string{"api.a.test:8443"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k", "OTHER": "other"}, byToken)
	for url, status := range map[string]int{
		"https://api.a.test/one/a": 200, "https://api.a.test/two/a": 200, "https://x.a.test/one/a": 200, "https://x.a.test/two/a": 403, "https://api.a.test/three": 403, "https://api.a.test:8443/one/a": 403,
	} {
		if res, text := r.asks(r.client(), http.MethodGet, url); res.StatusCode != status {
			t.Errorf("%s: %d %s", url, res.StatusCode, text)
		}
	}
	s.site.says(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for _, url := range []string{"https://free.example/", "http://free.example/", "https://free.example:8443/x"} {
		res, err := r.client(s.trusted).Get(url)
		if text := bodyOf(t, res, err); text != "ok" {
			t.Errorf("%s: %d %q", url, res.StatusCode, text)
		}
	}
}

// An answer and an upload that are longer than any bound that another product had pass whole.
func TestNothingIsCutAtAHundredMegabytes(t *testing.T) {
	const size = 110 << 20
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	s.site.says(func(w http.ResponseWriter, q *http.Request) {
		n, err := io.Copy(io.Discard, q.Body)
		w.Header().Set("X-Got", fmt.Sprint(n, err))
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = io.Copy(w, io.LimitReader(ones{}, size))
	})
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://api.test/large", io.LimitReader(ones{}, size))
	must(t, err)
	q.ContentLength = size
	q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
	res, err := r.client().Do(q)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, bufio.NewReaderSize(res.Body, 1<<16))
	if err != nil || n != size || res.ContentLength != size || res.Header.Get("X-Got") != fmt.Sprint(size, nil) {
		t.Errorf("%d bytes came, %v, of %d; the service got %s", n, err, res.ContentLength, res.Header.Get("X-Got"))
	}
}
