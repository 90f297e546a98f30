package childproxy_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// raw speaks with the proxy byte by byte.
type raw struct {
	net.Conn
	in *bufio.Reader
	t  testing.TB
}

func (r *run) raw(t testing.TB) *raw {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.URL().Host)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &raw{c, bufio.NewReader(c), t}
}

func (c *raw) says(text string) { _, _ = io.WriteString(c.Conn, text) }

// hears is an answer, or nil where the connection was closed.
func (c *raw) hears() (*http.Response, string) {
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, ""
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return res, string(b)
}

func (r *run) token() string {
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(r.URL().User.String())) + "\r\n"
}

// tunnel is a connection with TLS through the proxy. It is nil where one of the two was refused.
func (r *run) tunnel(t testing.TB, authority, sni string) *raw {
	t.Helper()
	c := r.raw(t)
	c.says("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n" + r.token() + "\r\n")
	res, err := http.ReadResponse(c.in, &http.Request{Method: http.MethodConnect})
	if err != nil || res.StatusCode != http.StatusOK {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(r.CA())
	s := tls.Client(c.Conn, &tls.Config{ServerName: sni, RootCAs: roots, MinVersion: tls.VersionTLS12})
	if s.Handshake() != nil {
		return nil
	}
	return &raw{s, bufio.NewReader(s), t}
}

func TestWhereATunnelLeads(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test", "127.0.0.9"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	_, port, _ := net.SplitHostPort(r.URL().Host)
	for name, c := range map[string]struct {
		authority, sni string
		intercepted    bool
	}{
		"the host":                    {"api.test:443", "api.test", true},
		"in capitals":                 {"API.test:443", "API.TEST", true},
		"with a final dot":            {"api.test.:443", "api.test", true},
		"an address":                  {"127.0.0.9:443", "127.0.0.9", true},
		"an address in IPv6":          {"[::ffff:127.0.0.9]:443", "127.0.0.9", true},
		"another SNI":                 {"api.test:443", "evil.test", false},
		"a bound SNI at another host": {"evil.test:443", "api.test", false},
		"a user":                      {"api.test@evil.test:443", "evil.test", false},
		"a user before it":            {"evil@api.test:443", "api.test", false},
		"letters that look alike":     {"\u0430pi.test:443", "api.test", false},
		"another port":                {"api.test:444", "api.test", false},
		"a port with a zero":          {"api.test:0443", "api.test", false},
		"no port":                     {"api.test", "api.test", false},
		"an address as a number":      {"2130706441:443", "127.0.0.9", false},
		"an address with a zero":      {"127.0.0.09:443", "127.0.0.9", false},
		"an address with a zone":      {"[fe80::1%25lo]:443", "127.0.0.9", false},
		"an address without brackets": {"::1:443", "127.0.0.9", false},
		"the address of the host":     {"127.0.0.1:443", "api.test", false},
		"the proxy":                   {"127.0.0.1:" + port, "127.0.0.1", false},
		"the proxy by name":           {"localhost:" + port, "localhost", false},
		"a path":                      {"api.test:443/x", "api.test", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := r.tunnel(t, c.authority, c.sni)
			if (in != nil) != c.intercepted {
				t.Fatalf("intercepted: %v", in != nil)
			}
			if in == nil || c.sni == "127.0.0.9" {
				return
			}
			in.says("GET / HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + r.vars["TOKEN"] + "\r\n\r\n")
			if res, text := in.hears(); res == nil || res.StatusCode != 200 || strings.Contains(text, hidden) {
				t.Errorf("got %v %q", res, text)
			}
		})
	}
}

func TestRequestsThatCouldBeReadInTwoWays(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test", "plain.test:80"}})
	s.keep("other", "another-s3cr3t-0123456789", client.Binding{Hosts: []string{"api.test", "plain.test:80"}})
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	var hosts []string
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if strings.Contains(fmt.Sprint(r.Header, r.URL, string(b)), "another-s3cr3t") {
			w.Header().Set("X-Leak", "yes")
		}
		_, _ = fmt.Fprintf(w, "%s %s %s %q %s", r.Method, r.Host, r.Header.Get("Upgrade"), b, r.Header.Get("X-Two"))
	})
	auth := "Authorization: Bearer " + r.vars["TOKEN"] + "\r\n"
	for name, c := range map[string]struct {
		plain  bool // not in a tunnel
		say    string
		status int // 0: the connection is closed
		want   string
	}{
		"another Host":               {say: "GET / HTTP/1.1\r\nHost: evil.test\r\n" + auth + "\r\n", status: 400, want: "proxy_hosts_differ"},
		"another port in Host":       {say: "GET / HTTP/1.1\r\nHost: api.test:8443\r\n" + auth + "\r\n", status: 400, want: "proxy_hosts_differ"},
		"two Hosts":                  {say: "GET / HTTP/1.1\r\nHost: api.test\r\nHost: evil.test\r\n" + auth + "\r\n", status: 400},
		"no Host":                    {say: "GET / HTTP/1.1\r\n" + auth + "\r\n", status: 400},
		"another absolute address":   {say: "GET https://evil.test/ HTTP/1.1\r\nHost: api.test\r\n" + auth + "\r\n", status: 400, want: "proxy_hosts_differ"},
		"another scheme":             {say: "GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\n" + auth + "\r\n", status: 400, want: "proxy_request"},
		"the absolute address":       {say: "GET https://api.test/ HTTP/1.1\r\nHost: evil.test\r\n" + auth + "\r\n", status: 200, want: "GET api.test"},
		"a user in the address":      {plain: true, say: "GET http://plain.test@evil.test/ HTTP/1.1\r\nHost: plain.test\r\n" + auth, status: 400, want: "proxy_request"},
		"Host against the address":   {plain: true, say: "GET http://plain.test/ HTTP/1.1\r\nHost: evil.test\r\n" + auth, status: 200, want: "GET plain.test"},
		"the address against Host":   {plain: true, say: "GET http://evil.test/ HTTP/1.1\r\nHost: plain.test\r\n" + auth, status: 403, want: "placeholder_not_for_host"},
		"no address":                 {plain: true, say: "GET / HTTP/1.1\r\nHost: plain.test\r\n" + auth, status: 400, want: "proxy_request"},
		"another protocol":           {plain: true, say: "GET ftp://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n" + auth, status: 400, want: "proxy_request"},
		"a tunnel in a tunnel":       {say: "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n" + auth + "\r\n", status: 400, want: "proxy_request"},
		"h2c":                        {say: "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" + auth + "\r\n", status: 200, want: `GET api.test  ""`},
		"lengths that differ":        {say: "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n" + auth + "\r\nabcd", status: 400},
		"an unknown encoding":        {say: "POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: xchunked\r\n" + auth + "\r\n0\r\n\r\n", status: 501},
		"a length beside chunks":     {say: "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n" + auth + "\r\n3\r\nabc\r\n0\r\n\r\n", status: 200, want: `POST api.test  "abc"`},
		"a folded header":            {say: "GET / HTTP/1.1\r\nHost: api.test\r\nX-Two: a\r\n b\r\n" + auth + "\r\n", status: 200, want: "a b"},
		"a blank before the colon":   {say: "GET / HTTP/1.1\r\nHost: api.test\r\nX-Two : a\r\n" + auth + "\r\n", status: 400},
		"headers without an end":     {say: "GET / HTTP/1.1\r\nHost: api.test\r\nX-Two: " + strings.Repeat("a", 80<<10) + "\r\n" + auth + "\r\n", status: 431},
		"a header of the connection": {say: "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: Authorization\r\n" + auth + "\r\n", status: 400},
		"a reference":                {say: "GET / HTTP/1.1\r\nHost: api.test\r\nX-Two: {{secret:other}}\r\n" + auth + "\r\n", status: 400, want: "reference_in_request"},
		"a reference by its address": {say: "GET /?a=oneclaw%3A%2F%2Fmain/other HTTP/1.1\r\nHost: api.test\r\n" + auth + "\r\n", status: 400, want: "reference_in_request"},
		"a reference in JSON":        {say: "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\nContent-Length: 24\r\n" + auth + "\r\n" + `{"a":"{{secret:other}}"}`, status: 400, want: "reference_in_request"},
		"a reference alone":          {say: "GET / HTTP/1.1\r\nHost: api.test\r\nX-Two: {{secret:other}}\r\n\r\n", status: 200, want: "{{secret:other}}"},
	} {
		t.Run(name, func(t *testing.T) {
			var in *raw
			if c.plain {
				in = r.raw(t)
				in.says(c.say + r.token() + "\r\n")
			} else {
				in = r.tunnel(t, "api.test:443", "api.test")
				in.says(c.say)
			}
			res, text := in.hears()
			if res == nil {
				if c.status != 0 {
					t.Errorf("the connection was closed")
				}
				return
			}
			if res.StatusCode != c.status || !strings.Contains(text, c.want) || res.Header.Get("X-Leak") != "" {
				t.Errorf("got %d %v %q", res.StatusCode, res.Header, text)
			}
			hosts = nil
			for _, q := range s.site.seen() {
				hosts = append(hosts, q.Host)
			}
			if strings.Contains(strings.Join(hosts, " "), "evil") {
				t.Errorf("the request went to %v", hosts)
			}
		})
	}
}

// Connections that say nothing do not keep others out, and neither does one that ends half way.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	for i := range 300 {
		c := r.raw(t)
		if i%3 == 0 {
			c.says("CONNECT api.test:443 HT")
			_ = c.Close()
		}
	}
	if out := r.sh(`curl -fsS -H "Authorization: Bearer $TOKEN" https://api.test/`); !strings.HasPrefix(out, "welcome") {
		t.Errorf("got %q", out)
	}
}
