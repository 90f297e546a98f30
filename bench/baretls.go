//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// bareTLS is a forward proxy that opens the TLS of both sides and copies what comes: the least that a proxy does which
// puts a credential into a request. It reads no message, looks for nothing and writes nothing down, so that what another
// proxy takes more than it is that proxy's own doing, and what it takes itself no proxy on the same processors can spare.
type bareTLS struct {
	l     net.Listener
	stub  *httptest.Server // whose certificate it shows, and to which all goes
	apart bool             // its two sides are apart, with a connection in the clear between them
	open  sync.WaitGroup
}

// newBareTLS starts one on this machine.
func newBareTLS(ctx context.Context, stub *httptest.Server, apart bool) (*bareTLS, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &bareTLS{l: l, stub: stub, apart: apart}
	p.open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.open.Go(func() { _ = p.serve(ctx, c) }) // its program says that it failed
		}
	})
	return p, nil
}

func (p *bareTLS) url() string { return "http://" + p.l.Addr().String() }

// close returns when no connection is left.
func (p *bareTLS) close() error {
	err := p.l.Close()
	p.open.Wait()
	return err
}

// serve serves one tunnel.
func (p *bareTLS) serve(ctx context.Context, c net.Conn) error {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c)) // nothing follows before the answer
	if err != nil {
		return err
	}
	there, err := p.dial(ctx, r.Host)
	if err != nil {
		return err
	}
	defer there.Close()
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return err
	}
	here := tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: p.stub.TLS.Certificates})
	bothWays(here, there)
	return nil
}

// dial connects to the stub.
func (p *bareTLS) dial(ctx context.Context, addr string) (net.Conn, error) {
	roots := x509.NewCertPool()
	roots.AddCert(p.stub.Certificate())
	host, _, _ := strings.Cut(addr, ":")
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: host}}
	there, err := d.DialContext(ctx, "tcp", addr)
	if err != nil || !p.apart {
		return there, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		_ = there.Close()
		return nil, err
	}
	defer l.Close()
	near, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		_ = there.Close()
		return nil, err
	}
	far, err := l.Accept()
	if err != nil {
		_, _ = near.Close(), there.Close()
		return nil, err
	}
	p.open.Go(func() { bothWays(far, there) })
	return near, nil
}

// bothWays copies until one side has ended, and closes both.
func bothWays(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{way[0]}, struct{ io.Reader }{way[1]}, make([]byte, 64<<10)) // a copy, as TLS asks for one
			_, _ = a.Close(), b.Close()
		})
	}
	both.Wait()
}
