package listen

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// pipe is a connection from an address.
type pipe struct {
	net.Conn
	from   string
	closed bool
}

func (p *pipe) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from))
}
func (p *pipe) Close() error { p.closed = true; return nil }

func TestWhichConnectionMakesRoom(t *testing.T) {
	const proxy = "198.51.100.9:1"
	for name, c := range map[string]struct {
		have []string // from, and state
		next string
		want int // which makes room; -1: the new one is refused
	}{
		"the eldest idle one":               {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 idle"}, "192.0.2.3:1", 0},
		"one that never spoke first":        {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 new"}, "192.0.2.3:1", 1},
		"of the network that has most":      {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 idle", "192.0.2.2:2 idle"}, "192.0.2.3:1", 1},
		"an IPv6 /64 is one network":        {[]string{"192.0.2.1:1 idle", "[2001:db8::1]:1 idle", "[2001:db8::2]:1 idle"}, "192.0.2.3:1", 1},
		"never one at work":                 {[]string{"192.0.2.1:1 active", "192.0.2.1:2 active"}, "192.0.2.3:1", -1},
		"who has most makes its own room":   {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 active", "192.0.2.2:2 idle"}, "192.0.2.2:3", 2},
		"or gets none":                      {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 active", "192.0.2.2:2 active"}, "192.0.2.2:3", -1},
		"this machine is no network":        {[]string{"127.0.0.1:1 active", "127.0.0.1:2 active", "192.0.2.1:1 idle"}, "127.0.0.1:3", 2},
		"nor is a proxy that was named":     {[]string{proxy + " active", proxy + " active", "192.0.2.1:1 idle"}, proxy, 2},
		"a mapped address is that it means": {[]string{"192.0.2.1:1 idle", "192.0.2.2:1 idle", "[::ffff:192.0.2.2]:2 idle"}, "192.0.2.3:1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			conns := newConnections(len(c.have), func(a netip.Addr) bool { return a == netip.MustParseAddr("198.51.100.9") }, slog.New(slog.DiscardHandler), time.Now)
			var all []*pipe
			for i, h := range c.have {
				var from, state string
				for j := range h {
					if h[j] == ' ' {
						from, state = h[:j], h[j+1:]
					}
				}
				p := &pipe{from: from}
				k := conns.admit(p)
				k.is(map[string]http.ConnState{"new": http.StateNew, "active": http.StateActive, "idle": http.StateIdle}[state])
				k.since.Store(int64(i))
				all = append(all, p)
			}
			got := -1
			if conns.admit(&pipe{from: c.next}) != nil {
				for i, p := range all {
					if p.closed {
						got = i
					}
				}
			}
			if got != c.want {
				t.Errorf("%d made room, not %d", got, c.want)
			}
			if n := conns.open(); n != len(c.have) {
				t.Errorf("%d are open", n)
			}
		})
	}
}
