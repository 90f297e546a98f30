package childproxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

const recordOfTLS = 0x16 // the first byte of a handshake

// connect opens a tunnel: to the inner server where a secret is bound to the host, else to the
// host itself.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	host, ok := binding.ParseHost(r.RequestURI, 0)
	if !ok || host.Port == 0 {
		refuse(w, errHost)
		return
	}
	if p.itself(host) {
		refuse(w, errSelf)
		return
	}
	p.book.refresh(r.Context())
	bound := len(p.book.at(host)) > 0
	if !bound && p.cfg.DenyUnbound {
		p.turned.add(host.String())
		refuse(w, errUnbound)
		return
	}
	var there net.Conn
	if !bound {
		var err error
		if there, err = p.dial(r.Context(), host); err != nil {
			refuse(w, errDown)
			return
		}
	}
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		if there != nil {
			_ = there.Close()
		}
		return
	}
	t := &tunnel{Conn: c, in: buffered.Reader, host: host, owner: p.tunnels}
	p.tunnels.remember(t)
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = t.Close()
		if there != nil {
			_ = there.Close()
		}
		return
	}
	if bound {
		p.intercept(t)
		return
	}
	p.tunnels.remember(there)
	defer p.tunnels.forget(there)
	splice(t, there)
}

func (p *Proxy) itself(h binding.Host) bool {
	own, err := netip.ParseAddrPort(p.at.Addr().String())
	if err != nil || own.Port() != h.Port {
		return false
	}
	ip, err := netip.ParseAddr(h.Name)
	return err == nil && (ip.IsLoopback() || ip.IsUnspecified()) || h.Name == "localhost"
}

// intercept hands a tunnel to the inner server. What does not begin as TLS is HTTP in the clear,
// which some clients put into a tunnel, too.
func (p *Proxy) intercept(t *tunnel) {
	first, err := t.in.Peek(1)
	if err != nil {
		_ = t.Close()
		return
	}
	if first[0] != recordOfTLS {
		p.tunnels.hand(t)
		return
	}
	t.secure = true
	p.tunnels.hand(tls.Server(t, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: p.inner.TLSConfig.NextProtos,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if name := hello.ServerName; name != "" && !strings.EqualFold(strings.TrimSuffix(name, "."), t.host.Name) {
				return nil, errAgree
			}
			return p.ca.For(t.host.Name)
		},
	}))
}

// splice copies both ways until both have ended.
func splice(a *tunnel, b net.Conn) {
	var both sync.WaitGroup
	pipe := func(to, from net.Conn) {
		err := pass(to, from)
		if c, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
			_ = c.CloseWrite()
			return
		}
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { pipe(a, b) })
	both.Go(func() { pipe(b, a) })
	both.Wait()
	_ = a.Close()
	_ = b.Close()
}

// pass copies until one side ends. What a tunnel had buffered goes first; the rest passes between the connections
// themselves, which the kernel does without this process (splice(2)) where both are of TCP.
func pass(to, from net.Conn) error {
	if t, ok := from.(*tunnel); ok {
		ahead, _ := t.in.Peek(t.in.Buffered())
		if _, err := to.Write(ahead); err != nil {
			return err
		}
		from = t.Conn
	}
	if t, ok := to.(*tunnel); ok {
		to = t.Conn
	}
	_, err := io.Copy(to, from)
	return err
}
