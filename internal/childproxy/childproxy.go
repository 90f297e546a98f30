// Package childproxy is a forward proxy for the programs that one command starts. They hold
// placeholders where their credentials would be; the proxy has the server send what they send
// to bound hosts, with the secrets in it.
//
// Its promise: no value of a secret is ever in this process. A placeholder that stands anywhere
// but where a binding wants its secret is not forwarded. Everything is asked anew for each
// request; what is for other hosts passes untouched, or is refused where it was asked to be.
package childproxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // net/http takes no other
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/placeholder"
)

// Secret is one that a variable of the child stands for.
type Secret struct {
	Variable    string
	Vault, Path string
	Field       string // of a secret that is JSON; empty: all of it
}

// Config is what a proxy stands on.
type Config struct {
	Client      *client.Client // of the server that has the secrets
	Secrets     []Secret
	DenyUnbound bool // refuse what is for hosts that none of them is bound to
	// ByToken lets in whoever says the run's token. Otherwise it is who Ours says.
	ByToken bool
	Ours    func(net.Conn) bool
	Now     func() time.Time
	// Listener is where programs connect to; nil: an address of this machine that the system chooses.
	// The proxy closes it.
	Listener net.Listener
	// Direct carries what goes to other servers without a secret; nil: as the parent's
	// environment says.
	Direct *http.Transport
}

// Proxy is a running proxy. Close it.
type Proxy struct {
	cfg     Config
	book    *book
	marks   *placeholder.Set
	texts   []string // placeholders, by number of their secret
	ca      *authority.Authority
	token   string
	at      net.Listener
	outer   *http.Server // what programs connect to
	inner   *http.Server // what speaks within their tunnels
	tunnels *tunnels
	turned  turned
	forward *httputil.ReverseProxy
	ended   sync.WaitGroup
}

// Bounds of what is held for the child.
const (
	maxConnections = 1024
	maxHeader      = 48 << 10 // with its references it is within what the server takes
	headTime       = 30 * time.Second
	idleTime       = 3 * time.Minute
)

// Start reads the bindings of the secrets and listens on this machine.
func Start(ctx context.Context, cfg Config) (*Proxy, error) {
	if cfg.Direct == nil {
		cfg.Direct = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	p := &Proxy{cfg: cfg, marks: placeholder.New(), token: rand.Text(), book: newBook(cfg.Client, cfg.Secrets, cfg.Now)}
	if err := p.book.readAll(ctx); err != nil {
		return nil, err
	}
	for i, s := range cfg.Secrets {
		p.texts = append(p.texts, p.marks.Mint(placeholder.KindOf(s.Variable, s.Path, p.book.hosts(i)), i))
	}
	var err error
	if p.ca, err = authority.New(cfg.Now); err != nil {
		return nil, err
	}
	if p.at = cfg.Listener; p.at == nil {
		if p.at, err = new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	p.serve()
	return p, nil
}

func (p *Proxy) serve() {
	silent := p.silent()
	p.tunnels = newTunnels(p.at.Addr())
	p.forward = p.roads()
	p.outer = &http.Server{
		Handler: http.HandlerFunc(p.fromChild), ErrorLog: silent, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headTime, IdleTimeout: idleTime,
		ConnContext: p.admission,
	}
	p.inner = &http.Server{
		Handler: http.HandlerFunc(p.fromTunnel), ErrorLog: silent, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headTime, IdleTimeout: idleTime,
		ConnContext: authorityOf, TLSConfig: &tls.Config{NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12},
	}
	p.ended.Go(func() { _ = p.outer.Serve(bounded(p.at, maxConnections)) })
	p.ended.Go(func() { _ = p.inner.Serve(p.tunnels) })
}

// silent takes what net/http says of broken connections, in which words of others may be.
func (p *Proxy) silent() *log.Logger { return log.New(io.Discard, "", 0) }

// Close ends all connections.
func (p *Proxy) Close() error {
	err := errors.Join(p.outer.Close(), p.inner.Close())
	p.tunnels.closeAll()
	p.ended.Wait()
	p.cfg.Direct.CloseIdleConnections()
	return err
}

// URL is where the child finds the proxy, with the token where it is let in by that.
func (p *Proxy) URL() *url.URL {
	u := &url.URL{Scheme: "http", Host: p.at.Addr().String()}
	if p.cfg.ByToken {
		u.User = url.UserPassword("oneclaw", p.token)
	}
	return u
}

// CA is the authority that the child has to trust.
func (p *Proxy) CA() *x509.Certificate { return p.ca.Certificate() }

// Placeholders are what the variables of the child hold.
func (p *Proxy) Placeholders() map[string]string {
	out := map[string]string{}
	for i, s := range p.cfg.Secrets {
		out[s.Variable] = p.texts[i]
	}
	return out
}

// Unbound lists the variables whose secrets may be used nowhere.
func (p *Proxy) Unbound() (out []string) {
	for i, s := range p.cfg.Secrets {
		if len(p.book.hosts(i)) == 0 {
			out = append(out, s.Variable)
		}
	}
	return out
}

// Refused lists the hosts that programs asked for and that DenyUnbound refused, each once.
func (p *Proxy) Refused() []string { return p.turned.list() }

// turned are hosts that were refused.
type turned struct {
	mu    sync.Mutex
	hosts []string
}

// mostTurned bounds what is kept of a program that asks for many.
const mostTurned = 20

func (t *turned) add(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.hosts) < mostTurned && !slices.Contains(t.hosts, host) {
		t.hosts = append(t.hosts, host)
	}
}

func (t *turned) list() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.hosts)
}

// OnThisMachine lists the variables whose secrets are bound to addresses that programs ask without a proxy.
func (p *Proxy) OnThisMachine() (out []string) {
	for i, s := range p.cfg.Secrets {
		if slices.ContainsFunc(p.book.hosts(i), func(host string) bool {
			h, ok := binding.ParseHost(host, 443)
			return ok && (h.Name == "localhost" || h.Name == "127.0.0.1" || h.Name == "::1")
		}) {
			out = append(out, s.Variable)
		}
	}
	return out
}
