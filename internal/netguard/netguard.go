// Package netguard makes every connection that the server opens because
// somebody asked for it: identity providers, webhooks, chains, upstreams.
//
// Its promise: a host is resolved once, every address that came back is
// checked, and one of those addresses is dialled, so a name can't be public
// when it is checked and private when it is used. Loopback, private, shared,
// link-local, multicast, reserved and metadata addresses are refused, in every
// spelling and however they are embedded, unless the operator allowed them
// (ONECLAW_OUTBOUND_ALLOW). Only https is spoken, and http to what the operator
// allowed. No proxy of the environment, no cookies, no redirect that was not
// asked for; time and size of every answer are bounded.
package netguard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// ErrRefused is in the error of every address, name and URL that is not called.
// It says the same for all of them: which names resolve to what inside the
// operator's network is not for tenants to find out.
var ErrRefused = fault.New(fault.Invalid, "address_refused",
	"This server does not call that address: it must be an https URL of a public host, or one that the operator allowed.")

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config is what a Guard is made of. The zero value refuses all that is private.
type Config struct {
	Allow    Allow
	Resolver Resolver       // nil: the system's
	RootCAs  *x509.CertPool // who may vouch for servers; nil: the system's

	// Connect opens a connection to an address that was checked; nil: over the
	// network. It is for tests.
	Connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// Guard dials what may be dialled. It is safe for concurrent use.
type Guard struct{ cfg Config }

// How long one name may take to resolve and one address to answer, and how many
// addresses of a name are tried.
const (
	resolveTime = 5 * time.Second
	connectTime = 5 * time.Second
	maxTried    = 4
	maxFound    = 64 // a name with more addresses is no service
)

// New returns a Guard.
func New(cfg Config) *Guard {
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Connect == nil {
		dialer := &net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}
		cfg.Connect = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", to.String())
		}
	}
	return &Guard{cfg: cfg}
}

// Dial connects to HOST:PORT over TCP. It fits http.Transport.DialContext and
// its like. What is not to be called is ErrRefused, before any packet is sent
// to it.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return g.dial(ctx, network, address, false)
}

// DialAllowed is Dial for what the operator allowed alone: what is not encrypted.
func (g *Guard) DialAllowed(ctx context.Context, network, address string) (net.Conn, error) {
	return g.dial(ctx, network, address, true)
}

// TLS is a configuration for a connection of Dial that verifies the host.
func (g *Guard) TLS(host string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: g.cfg.RootCAs, ServerName: host}
}

func (g *Guard) dial(ctx context.Context, network, address string, onlyAllowed bool) (net.Conn, error) {
	host, port, ok := splitAddress(address)
	if !ok || (network != "tcp" && network != "tcp4" && network != "tcp6") {
		return nil, ErrRefused
	}
	found, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range found {
		// One bad address spoils the name: a name that is public and private at
		// once is how a check is got around.
		if !g.may(host, ip, port, onlyAllowed) {
			return nil, ErrRefused
		}
	}
	return g.connect(ctx, network, found, port)
}

func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := g.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 || len(found) > maxFound:
		return nil, ErrRefused
	}
	out := make([]netip.Addr, len(found))
	for i, ip := range found {
		out[i] = ip.Unmap()
	}
	return out, nil
}

// may reports whether an address that host has may be called at a port.
func (g *Guard) may(host string, ip netip.Addr, port uint16, onlyAllowed bool) bool {
	if g.cfg.Allow.holds(host, ip, port) {
		return true
	}
	return !onlyAllowed && Public(ip)
}

// connect tries the addresses, which are checked, in their order.
func (g *Guard) connect(ctx context.Context, network string, found []netip.Addr, port uint16) (net.Conn, error) {
	var last error = ErrRefused
	tried := 0
	for _, ip := range found {
		if network == "tcp4" && !ip.Is4() || network == "tcp6" && !ip.Is6() {
			continue
		}
		if tried++; tried > maxTried {
			break
		}
		c, err := g.cfg.Connect(ctx, netip.AddrPortFrom(ip, port))
		if err == nil {
			return c, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, last
}

// CheckURL refuses a URL that could never be called, before it is stored: one
// that is not http or https, has a user or no host, or names an address that is
// not to be called. It resolves nothing: what a name stands for is checked when
// it is called, each time.
func (g *Guard) CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return ErrRefused
	}
	return g.check(u)
}

// Reach refuses a URL that could not be called now: what CheckURL refuses, and a
// host whose name is unknown or stands for an address that is not to be called. All
// of them are ErrRefused. A resolver that does not answer refuses nothing.
func (g *Guard) Reach(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return ErrRefused
	}
	if err := g.check(u); err != nil {
		return err
	}
	host, number, plain, ok := target(u)
	if !ok {
		return ErrRefused
	}
	found, err := g.resolve(ctx, host)
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound || errors.Is(err, ErrRefused) {
		return ErrRefused
	}
	for _, ip := range found {
		if !g.may(host, ip, number, plain) {
			return ErrRefused
		}
	}
	return nil
}

func (g *Guard) check(u *url.URL) error {
	host, number, plain, ok := target(u)
	if !ok || !plain && u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return ErrRefused
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !g.may(host, ip.Unmap(), number, plain) {
			return ErrRefused
		}
		return nil
	}
	if plain && g.cfg.Allow.empty() {
		return ErrRefused
	}
	return nil
}

// target is what a URL names: the host in the form that it is compared in, the port,
// and whether it is called without TLS.
func target(u *url.URL) (host string, port uint16, plain, ok bool) {
	plain = u.Scheme == "http"
	text := u.Port()
	if text == "" {
		text = map[bool]string{true: "80", false: "443"}[plain]
	}
	host, port, ok = splitAddress(net.JoinHostPort(u.Hostname(), text))
	return host, port, plain, ok
}

// splitAddress returns the host in the form that it is compared in.
func splitAddress(address string) (host string, port uint16, ok bool) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if err != nil || n == 0 || host == "" || len(host) > 253 {
		return "", 0, false
	}
	return host, uint16(n), true
}
