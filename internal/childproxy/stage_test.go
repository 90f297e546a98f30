package childproxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/childenv"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/peer"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

const hidden = "s3cr3t-V4lue-of-the-service-0123456789"

// stage is a real server with a secret, a service that demands it, and an agent that may use
// and not see it.
type stage struct {
	*rest.World
	t      testing.TB
	owner  *client.Client
	agent  *client.Client
	vault  string
	front  *httptest.Server // of the API
	id     string           // the agent's
	site   *site
	ca     *authority.Authority
	dir    string
	caFile string
	net    network
}

func openStage(t *testing.T) *stage {
	t.Helper()
	ca, err := authority.New(time.Now)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	s := &stage{t: t, ca: ca, dir: t.TempDir()}
	s.site = s.newSite()
	s.World = rest.Open(t, func(o *rest.Setup) {
		o.Roots, o.Reached = roots, netguard.Config{Resolver: &s.net, Connect: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			s.net.called(to.Addr())
			return s.site.connect(ctx, to.Port())
		}}
	})
	s.front = httptest.NewServer(s.API)
	t.Cleanup(s.front.Close)
	ada, token := s.SignUp("ada")
	s.owner = connect(t, s.front.URL, client.WithToken(token))
	s.vault = s.NewVault(s.Here(ada), "main")
	draft := agent.Agent{Name: "unseeing"}
	draft.NoReveal = true
	made, key := s.NewAgent(s.Here(ada), draft)
	s.id = made.ID
	s.Grant(ada, s.vault, policy.Principal{Kind: policy.KindAgent, ID: made.ID, Org: ada.Org}, "**", "use")
	s.agent = connect(t, s.front.URL, client.WithToken(s.Exchange(key)))
	s.caFile = s.file("ca.pem", string(ca.PEM()))
	return s
}

func connect(t testing.TB, base string, how client.Option) *client.Client {
	t.Helper()
	c, err := client.New(base, how)
	must(t, err)
	return c
}

// network is what the server finds and calls.
type network struct {
	mu     sync.Mutex
	finds  func() []netip.Addr // of any name; nil: it is this machine
	dialed []netip.Addr
}

func (n *network) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.finds != nil {
		return n.finds(), nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func (n *network) called(at netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed = append(n.dialed, at)
}

// keep stores a secret with its bindings.
func (s *stage) keep(path, value string, list ...client.Binding) {
	s.t.Helper()
	_, err := s.owner.PutSecret(s.t.Context(), s.vault, path, client.ValueOf(value), client.PutOptions{})
	must(s.t, err)
	s.bind(path, list...)
}

func (s *stage) bind(path string, list ...client.Binding) {
	s.t.Helper()
	_, err := s.owner.SetBindings(s.t.Context(), s.vault, path, list)
	must(s.t, err)
}

func (s *stage) file(name, content string) string {
	s.t.Helper()
	name = filepath.Join(s.dir, name)
	must(s.t, os.MkdirAll(filepath.Dir(name), 0o700))
	must(s.t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// site is a service with a certificate for every name that it is asked for.
type site struct {
	*httptest.Server
	plain *httptest.Server // the same without TLS
	mu    sync.Mutex
	got   []*http.Request
	say   http.HandlerFunc
}

func (s *stage) newSite() *site {
	x := &site{say: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		x.got = append(x.got, r)
		say := x.say
		x.mu.Unlock()
		say(w, r)
	})
	x.plain = httptest.NewServer(serve)
	s.t.Cleanup(x.plain.Close)
	x.Server = httptest.NewUnstartedServer(serve)
	x.TLS = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName == "" {
			return s.ca.For("127.0.0.1")
		}
		return s.ca.For(h.ServerName)
	}}
	x.EnableHTTP2 = true
	x.StartTLS()
	s.t.Cleanup(x.Close)
	return x
}

// connect is a connection to the service, which has every address, with TLS but at port 80.
func (x *site) connect(ctx context.Context, port uint16) (net.Conn, error) {
	to := x.Server
	if port == 80 {
		to = x.plain
	}
	return new(net.Dialer).DialContext(ctx, "tcp", to.Listener.Addr().String())
}

func (x *site) says(f http.HandlerFunc) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.say = f
}

// seen are the requests since it was asked last.
func (x *site) seen() []*http.Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	got := x.got
	x.got = nil
	return got
}

// last is the one request since it was asked last.
func (x *site) last(t testing.TB) *http.Request {
	t.Helper()
	got := x.seen()
	if len(got) != 1 {
		t.Fatalf("the service got %d requests", len(got))
	}
	return got[0]
}

// run is a proxy and what its programs get.
type run struct {
	*childproxy.Proxy
	s    *stage
	env  *childenv.Environment
	vars map[string]string
}

func (s *stage) start(secrets map[string]string, change ...func(*childproxy.Config)) *run {
	s.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.Certificate())
	cfg := childproxy.Config{Client: s.agent, Now: time.Now, Ours: ours, Direct: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return s.site.connect(ctx, netip.MustParseAddrPort("127.0.0.1"+address[strings.LastIndexByte(address, ':'):]).Port())
		},
	}}
	for variable, ref := range secrets {
		path, field, _ := strings.Cut(ref, "#")
		cfg.Secrets = append(cfg.Secrets, childproxy.Secret{Variable: variable, Vault: s.vault, Path: path, Field: field})
	}
	for _, f := range change {
		f(&cfg)
	}
	if !peer.Known() {
		s.t.Fatal("the system does not tell whose connections these are")
	}
	p, err := childproxy.Start(s.t.Context(), cfg)
	must(s.t, err)
	s.t.Cleanup(func() { _ = p.Close() })
	env, err := childenv.New(childenv.Setup{Proxy: p.URL(), CA: p.CA(), Getenv: func(name string) string {
		return map[string]string{"SSL_CERT_FILE": s.caFile, "NODE_EXTRA_CA_CERTS": s.caFile, "HOME": s.dir}[name]
	}})
	must(s.t, err)
	s.t.Cleanup(func() { _ = env.Close() })
	return &run{p, s, env, p.Placeholders()}
}

// ours lets in what this test started, and itself where it is the client.
func ours(c net.Conn) bool {
	remote := netip.MustParseAddrPort(c.RemoteAddr().String())
	return peer.Ours(peer.Conn{Remote: remote, Local: netip.MustParseAddrPort(c.LocalAddr().String())})
}

// command is a program with the environment that the proxy makes.
func (r *run) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(r.s.t.Context(), name, args...)
	c.Dir = r.s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.s.dir, "LANG=C.UTF-8"}
	for _, vars := range []map[string]string{r.env.Vars, r.vars} {
		for n, v := range vars {
			c.Env = append(c.Env, n+"="+v)
		}
	}
	return c
}

// does runs a program that must end well, and returns what it printed.
func (r *run) does(name string, args ...string) string {
	r.s.t.Helper()
	c := r.command(name, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		r.s.t.Fatalf("%s: %v\n%s\n%s", name, err, out.String(), errs.String())
	}
	return out.String()
}

// sh is does for a script.
func (r *run) sh(script string) string {
	r.s.t.Helper()
	return r.does("bash", "-euo", "pipefail", "-c", script)
}

// client is a client in this process, which is let in by its token.
func (r *run) client(change ...func(*http.Transport)) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(r.CA())
	t := &http.Transport{Proxy: http.ProxyURL(r.URL()), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableCompression: true}
	for _, f := range change {
		f(t)
	}
	r.s.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func byToken(c *childproxy.Config) { c.ByToken = true }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
