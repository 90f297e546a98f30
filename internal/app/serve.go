package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// Addresses are where a running server is reached.
type Addresses struct {
	API    string // base URL
	Shroud string
}

// Listeners are the open ports of a server that does not serve yet. They are
// opened first: a port in use shows before anything else is touched, and a port
// that was left to the system is known when links are made.
type Listeners struct {
	api, shroud net.Listener
	tls         *tls.Config // nil for plain HTTP
	At          Addresses
}

// Listen opens the ports that the configuration names, with its certificate.
func Listen(ctx context.Context, cfg config.Config) (*Listeners, error) {
	secured, err := certificate(cfg)
	if err != nil {
		return nil, err
	}
	api, err := listen(ctx, cfg.Listen)
	if err != nil {
		return nil, err
	}
	shroud, err := listen(ctx, cfg.ShroudListen)
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return &Listeners{api: api, shroud: shroud, tls: secured, At: Addresses{API: publicURL(cfg, api), Shroud: "http://" + shroud.Addr().String()}}, nil
}

// Close closes the ports of a server that never served.
func (l *Listeners) Close() error { return errors.Join(l.api.Close(), l.shroud.Close()) }

// Serve serves until ctx ends; then it lets requests under way finish. ready is
// called once the server answers.
func (a *App) Serve(ctx context.Context, l *Listeners, ready func() error) error {
	trusted := proxies.New(a.cfg.TrustedProxies, a.cfg.ProxyHeader)
	conns := newConnections(descriptors(), trusted.Trusts, a.log)
	servers := []*http.Server{a.server(a.routes(hostOf(l.At.API)), conns), a.server(shroudSoon(), conns)}
	failed := make(chan error, len(servers))
	go func() { failed <- serve(servers[0], &bounded{l.api, conns}, l.tls) }()
	go func() { failed <- servers[1].Serve(&bounded{l.shroud, conns}) }()
	err := ready()
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	}
	err = errors.Join(err, l.Close())
	return errors.Join(err, conns.end(ctx, servers, a.log))
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "can_not_listen",
			"Can't listen on "+addr+". Is another server there? Choose another with --listen or --shroud-listen.")
	}
	return &port{Listener: l}, nil
}

// port is a listener that may be closed more than once: its server closes it too.
type port struct {
	net.Listener
	closed sync.Once
	err    error
}

// Close implements net.Listener.
func (p *port) Close() error {
	p.closed.Do(func() { p.err = p.Listener.Close() })
	return p.err
}

func certificate(cfg config.Config) (*tls.Config, error) {
	if cfg.TLSCertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLSCertFile, cfg.TLSKeyFile)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad_certificate",
			"The files that ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE name can't be used.")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}, nil
}

func serve(s *http.Server, l net.Listener, secured *tls.Config) error {
	if secured == nil {
		return s.Serve(l)
	}
	s.TLSConfig = secured
	return s.ServeTLS(l, "", "")
}

// server bounds what a slow or silent client can hold.
func (a *App) server(h http.Handler, conns *connections) *http.Server {
	return &http.Server{
		Handler:           conns.answer(h),
		ConnState:         conns.count,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      120 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		// What one connection can hold of unread bodies and of requests under way.
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10,
			WriteByteTimeout: 15 * time.Second, SendPingTimeout: 60 * time.Second, PingTimeout: 15 * time.Second,
		},
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

func publicURL(cfg config.Config, l net.Listener) string {
	if cfg.PublicURL != "" {
		return cfg.PublicURL
	}
	scheme := "http"
	if cfg.TLSCertFile != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if ip, bad := netip.ParseAddr(host); err == nil && bad == nil && ip.IsUnspecified() {
		return scheme + "://" + net.JoinHostPort("localhost", port) // all addresses is none to go to
	}
	return scheme + "://" + l.Addr().String()
}

func hostOf(base string) []string {
	u, err := url.Parse(base)
	if err != nil {
		return nil
	}
	return []string{u.Hostname()}
}

// routes puts the API, the MCP endpoint and the pages on one address.
func (a *App) routes(hosts []string) http.Handler {
	mcp := mcpserver.Handler(mcpserver.HTTPConfig{
		NewClient: mcpserver.InProcessClients(a.api, a.version, a.log), Version: a.version, Hosts: hosts, Log: a.log, Receive: a.receive,
	})
	trusted := proxies.New(a.cfg.TrustedProxies, a.cfg.ProxyHeader)
	return guard(hosts, forwardedCertificates(a.cfg.ClientCertHeader, trusted, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := a.pages.At(r.URL.Path)
		switch {
		case page != nil:
			page.ServeHTTP(w, r)
		case r.URL.Path == "/mcp":
			mcp.ServeHTTP(w, r)
		default:
			a.api.ServeHTTP(w, r)
		}
	})))
}

// shroudSoon answers on Shroud's port until Shroud is there (shroud.md section 4
// gives the error's shape).
func shroudSoon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/healthz", "/health/live":
			_, _ = w.Write([]byte(`{"status":"ok"}`))
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error":{"code":503,"message":"Shroud is not part of this version of oneclaw yet.","type":"shroud_error"}}`))
		}
	})
}
