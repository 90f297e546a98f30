package childproxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// tunnel is the connection of a program that asked for one to a host.
type tunnel struct {
	net.Conn
	in     *bufio.Reader // with what came behind the request
	host   binding.Host
	secure bool
	owner  *tunnels
}

// Read implements io.Reader.
func (t *tunnel) Read(p []byte) (int, error) { return t.in.Read(p) }

// Close implements net.Conn.
func (t *tunnel) Close() error {
	t.owner.forget(t)
	return t.Conn.Close()
}

// CloseWrite ends one direction.
func (t *tunnel) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// tunnels are the open ones, and the listener of the server that speaks within those to bound
// hosts.
type tunnels struct {
	addr    net.Addr
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once

	mu   sync.Mutex
	open map[io.Closer]bool
}

func newTunnels(at net.Addr) *tunnels {
	return &tunnels{addr: at, arrived: make(chan net.Conn), closed: make(chan struct{}), open: map[io.Closer]bool{}}
}

// Accept implements net.Listener.
func (l *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *tunnels) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *tunnels) Addr() net.Addr { return l.addr }

func (l *tunnels) remember(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
}

func (l *tunnels) forget(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

func (l *tunnels) closeAll() {
	l.mu.Lock()
	all := make([]io.Closer, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

func (l *tunnels) hand(c net.Conn) {
	select {
	case l.arrived <- c:
	case <-l.closed:
		_ = c.Close()
	}
}

type tunnelKey struct{}

// authorityOf notes for each request which tunnel it came through.
func authorityOf(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	return context.WithValue(ctx, tunnelKey{}, c)
}
