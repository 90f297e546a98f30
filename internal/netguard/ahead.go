package netguard

import (
	"context"
	"net"
	"sync"
)

// TLS reads a record of 16 KiB at a time, and each read is a call of the kernel that costs more than to take the record
// apart. While much comes, a stream's connection is read in larger pieces.

const (
	// aheadSize is how much is read at once.
	aheadSize = 128 << 10
	// mostAhead is how many connections of a transport read ahead at once: thousands may be open whose readers wait.
	mostAhead = 64
	// flows is the size from which on a read that got all that it asked for says that more is there.
	flows = 4 << 10
)

// aheads is the memory that connections read ahead in.
type aheads struct {
	places chan struct{}
	free   sync.Pool
}

func newAheads() *aheads { return &aheads{places: make(chan struct{}, mostAhead)} }

// over has the connections of a dialer read ahead.
func (a *aheads) over(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &ahead{Conn: c, by: a}, nil
	}
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// take is nil where all places are taken.
func (a *aheads) take() *[aheadSize]byte {
	select {
	case a.places <- struct{}{}:
	default:
		return nil
	}
	if b, ok := a.free.Get().(*[aheadSize]byte); ok {
		return b
	}
	return new([aheadSize]byte)
}

// give takes memory back of which so much was written to.
func (a *aheads) give(b *[aheadSize]byte, used int) {
	clear(b[:used])
	a.free.Put(b)
	<-a.places
}

// ahead is a connection that is read ahead while much comes. One goroutine reads it at a time.
type ahead struct {
	net.Conn
	by *aheads

	mu      sync.Mutex // of what follows: Close may come while a read waits
	flows   bool       // the last read got all that it asked for, or much
	buf     *[aheadSize]byte
	from    int  // of buf: not yet handed on, up to to
	to      int  //
	used    int  // of buf: written to, since it was taken
	reading bool // into buf
	closed  bool
}

// Read implements io.Reader.
func (c *ahead) Read(p []byte) (int, error) {
	n, b := c.begin(p)
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	into := p
	if b != nil {
		into = b[:]
	}
	n, err := c.Conn.Read(into)
	return c.end(p, n, b != nil, err)
}

// begin hands on what was read before, or else says what to read into; nil: what the reader has.
func (c *ahead) begin(p []byte) (int, *[aheadSize]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from < c.to {
		n := copy(p, c.buf[c.from:c.to])
		if c.from += n; c.from == c.to && !c.flows {
			c.leave()
		}
		return n, nil
	}
	if c.closed || !c.flows || len(p) == 0 {
		return 0, nil
	}
	if c.buf == nil {
		c.buf = c.by.take()
	}
	c.reading = c.buf != nil
	return 0, c.buf
}

// end hands on what was read. Where little came the memory is given back.
func (c *ahead) end(p []byte, n int, own bool, err error) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !own {
		c.flows = n == len(p) && n >= flows
		return n, err
	}
	c.reading, c.used = false, max(c.used, n)
	m := copy(p, c.buf[:n])
	c.from, c.to, c.flows = m, n, n >= flows
	if c.closed || !c.flows && m == n {
		c.leave()
	} else if m < n {
		err = nil // it comes again, after the rest
	}
	return m, err
}

// Close implements net.Conn.
func (c *ahead) Close() error {
	err := c.Conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed = true; !c.reading {
		c.leave()
	}
	return err
}

// leave gives the memory back.
func (c *ahead) leave() {
	if c.buf != nil {
		c.by.give(c.buf, c.used)
	}
	c.buf, c.from, c.to, c.used = nil, 0, 0, 0
}
