// Package listen holds the ports of a server and the connections to them.
//
// Its promise: there are never more connections than the process has descriptors
// for, and what one slow or silent client holds is bounded. At the end requests
// under way finish. A client's certificate is that of its own connection, or the
// word of a proxy that the operator named.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// Addresses are where a running server is reached.
type Addresses struct {
	API     string // base URL
	Shroud  string
	Metrics string // empty: nowhere
}

// Listeners are the open ports of a server that does not serve yet. They are
// opened first: a port in use shows before anything else is touched, and a port
// that was left to the system is known when links are made.
type Listeners struct {
	api, shroud net.Listener
	metrics     net.Listener // nil: there is none
	Files       *Files
	At          Addresses
}

// Open opens the ports that the configuration names, with its certificate.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (*Listeners, error) {
	files, err := OpenFiles(cfg, log)
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
	l := &Listeners{api: api, shroud: shroud, Files: files, At: Addresses{API: publicURL(cfg, api), Shroud: "http://" + shroud.Addr().String()}}
	if cfg.MetricsListen != "" {
		if l.metrics, err = listen(ctx, cfg.MetricsListen); err != nil {
			l.metrics = nil
			return nil, errors.Join(err, l.Close())
		}
		l.At.Metrics = "http://" + l.metrics.Addr().String()
	}
	return l, nil
}

// Close closes the ports of a server that never served.
func (l *Listeners) Close() error {
	err := errors.Join(l.api.Close(), l.shroud.Close())
	if l.metrics != nil {
		err = errors.Join(err, l.metrics.Close())
	}
	return err
}

// Servers is what is served on the ports.
type Servers struct {
	API, Shroud http.Handler
	Metrics     http.Handler
	Proxies     proxies.Set // which bring the connections of many networks
	Log         *slog.Logger
	Now         func() time.Time
	Hurry       <-chan os.Signal // files that were replaced are looked at at once; may be nil
}

// Serve serves until ctx ends; then it lets requests under way finish. ready is
// called once the server answers.
func (l *Listeners) Serve(ctx context.Context, s Servers, ready func() error) error {
	conns := newConnections(descriptors(), s.Proxies.Trusts, s.Log, s.Now)
	servers := []*http.Server{server(s.API, conns), server(s.Shroud, conns)}
	if l.metrics != nil {
		servers = append(servers, server(s.Metrics, conns))
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { l.Files.Watch(watching, s.Hurry, s.Now) })
	defer func() { stop(); watch.Wait() }()
	failed := make(chan error, len(servers))
	go func() { failed <- serve(servers[0], &bounded{l.api, conns}, l.Files) }()
	go func() { failed <- servers[1].Serve(&bounded{l.shroud, conns}) }()
	if l.metrics != nil {
		go func() { failed <- servers[2].Serve(&bounded{l.metrics, conns}) }()
	}
	err := ready()
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	}
	err = errors.Join(err, l.Close())
	return errors.Join(err, conns.end(ctx, servers, s.Log))
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "can_not_listen",
			"Can't listen on "+addr+". Is another server there? Choose another with --listen, --shroud-listen or ONECLAW_METRICS_LISTEN.")
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

func serve(s *http.Server, l net.Listener, files *Files) error {
	if files.Certificate() == nil {
		return s.Serve(l)
	}
	s.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.Certificate(), nil },
	}
	return s.ServeTLS(l, "", "")
}

// server bounds what a slow or silent client can hold.
func server(h http.Handler, conns *connections) *http.Server {
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
		ErrorLog: slog.NewLogLogger(quiet{conns.log.Handler()}, slog.LevelDebug),
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
		return scheme + "://" + net.JoinHostPort("localhost", port) // "all addresses" can be listened on and not dialled
	}
	return scheme + "://" + l.Addr().String()
}
