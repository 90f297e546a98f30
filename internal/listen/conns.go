package listen

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/network"
)

const (
	// mostConns is how many connections a server has at most: each takes some
	// 20 KiB, and up to 32 KiB more while its headers come.
	mostConns = 8192
	// sendBuffer bounds what the system holds of an answer that is not read. It
	// also lets the server see early whether it is.
	sendBuffer = 256 << 10
)

// connections knows the connections of the servers: it holds their number below
// what the process has descriptors for, and lets those who hold them go in order
// at the end (see drain.go).
//
// When there are as many as there may be, one makes room for the next: of the
// network that has most, the eldest that never sent a request, else the one that
// is idle longest. Requests under way are never cut off. This machine's addresses
// are no network: a proxy that was not named brings everybody.
type connections struct {
	most    int
	trusted func(netip.Addr) bool // proxies, which stand for many networks
	log     *slog.Logger
	now     func() time.Time
	leaving atomic.Bool // the server is to stop

	mu     sync.Mutex
	all    map[*connection]struct{}
	nets   map[string]int
	warned time.Time
}

// connection is one of them. The server may close it without having told a state.
type connection struct {
	net.Conn
	of    *connections
	from  string       // empty is no network
	state atomic.Int32 // an http.ConnState
	since atomic.Int64 // when it came to that, in nanoseconds
}

// Close implements net.Conn.
func (k *connection) Close() error {
	k.of.mu.Lock()
	k.of.drop(k)
	k.of.mu.Unlock()
	return k.Conn.Close()
}

func (k *connection) is(s http.ConnState) {
	k.since.Store(k.of.now().UnixNano())
	k.state.Store(int32(s))
}

func newConnections(most int, trusted func(netip.Addr) bool, log *slog.Logger, now func() time.Time) *connections {
	return &connections{most: most, trusted: trusted, log: log, now: now, all: map[*connection]struct{}{}, nets: map[string]int{}}
}

// bounded accepts connections for a server, and makes room for them first.
type bounded struct {
	net.Listener
	conns *connections
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetWriteBuffer(sendBuffer) // a connection that ended shows at its first use
		}
		if k := b.conns.admit(c); k != nil {
			return k, nil
		}
		_ = c.Close()
	}
}

// admit notes a new connection, unless there is no room for it.
func (c *connections) admit(conn net.Conn) *connection {
	k := &connection{Conn: conn, of: c, from: c.networkOf(conn)}
	k.is(http.StateNew)
	c.mu.Lock()
	var room []*connection
	if len(c.all) >= c.most {
		c.warn()
		if room = c.room(k.from); len(room) == 0 {
			c.mu.Unlock()
			return nil
		}
		for _, v := range room {
			c.drop(v)
		}
	}
	c.all[k] = struct{}{}
	c.nets[k.from]++
	c.mu.Unlock()
	for _, v := range room {
		_ = v.Conn.Close() // the server finds out
	}
	return k
}

// room returns connections that make room for one from a network. They are a few
// at a time, since it takes a look at all. A network that has most makes room by
// itself.
func (c *connections) room(from string) []*connection {
	own := c.leads(from)
	var able []*connection
	for k := range c.all {
		if k.state.Load() != int32(http.StateActive) && (!own || k.from == from) {
			able = append(able, k)
		}
	}
	slices.SortFunc(able, func(a, b *connection) int {
		return cmp.Or(cmp.Compare(a.state.Load(), b.state.Load()), // new ones, then idle ones
			cmp.Compare(c.nets[b.from], c.nets[a.from]), cmp.Compare(a.since.Load(), b.since.Load()))
	})
	return able[:min(len(able), 1+c.most/64)]
}

// leads reports whether no other network has more connections than this one.
func (c *connections) leads(n string) bool {
	if n == "" {
		return false
	}
	for other, count := range c.nets {
		if other != "" && count > c.nets[n] {
			return false
		}
	}
	return true
}

// warn says now and then that there are too many.
func (c *connections) warn() {
	now := c.now()
	if now.Sub(c.warned) < time.Minute {
		return
	}
	c.warned = now
	c.log.Warn("there are as many connections as there may be: idle ones are closed for new ones", slog.Int("connections", len(c.all)))
}

// count is the servers' ConnState.
func (c *connections) count(conn net.Conn, s http.ConnState) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = t.NetConn()
	}
	if k, ok := conn.(*connection); ok {
		k.is(s)
	}
}

// drop forgets a connection.
func (c *connections) drop(k *connection) {
	if _, ok := c.all[k]; !ok {
		return
	}
	delete(c.all, k)
	if c.nets[k.from]--; c.nets[k.from] == 0 {
		delete(c.nets, k.from)
	}
}

// open is how many there are.
func (c *connections) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// networkOf is the network of who is at the other end, or none for this machine
// and for proxies.
func (c *connections) networkOf(conn net.Conn) string {
	ap, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	ip := ap.Addr().Unmap()
	if err != nil || ip.IsLoopback() || c.trusted(ip) {
		return ""
	}
	return network.Of(ip)
}
