package pgtest

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a client and a server and can hang: then no byte passes in
// either direction, nothing is closed, and new connections are accepted and stay
// silent.
type Proxy struct {
	to       string
	listener net.Listener

	mu     sync.Mutex
	passes sync.Cond
	hangs  bool
	closed bool
	open   map[net.Conn]bool
	most   int
}

// Hanging returns a Proxy before the database that dsn names, and the DSN that
// goes through it. It ends with the test.
func Hanging(tb testing.TB, dsn string) (*Proxy, string) {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{to: u.Host, listener: l, open: map[net.Conn]bool{}}
	p.passes.L = &p.mu
	u.Host = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); p.accept() }()
	tb.Cleanup(func() {
		_ = l.Close()
		p.end()
		<-done
	})
	return p, u.String()
}

// Hang stops, or lets go on, all that passes.
func (p *Proxy) Hang(hangs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = hangs
	p.passes.Broadcast()
}

// Open is how many connections clients have now; Most how many they had at once.
func (p *Proxy) Open() (now, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open) / 2, p.most / 2
}

func (p *Proxy) accept() {
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		conns.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		_ = client.Close()
		return
	}
	p.keep(client, server)
	defer p.drop(client, server)
	var ways sync.WaitGroup
	ways.Go(func() { p.copy(server, client) })
	ways.Go(func() { p.copy(client, server) })
	ways.Wait()
}

func (p *Proxy) copy(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !p.wait() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait returns when bytes may pass, and false when the proxy has ended.
func (p *Proxy) wait() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hangs && !p.closed {
		p.passes.Wait()
	}
	return !p.closed
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = true
	}
	p.most = max(p.most, len(p.open))
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.open, c)
	}
}

func (p *Proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.passes.Broadcast()
	for c := range p.open {
		_ = c.Close()
	}
}
