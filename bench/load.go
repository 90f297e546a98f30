//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// load is one stretch of requests over a number of connections, each with one
// request under way at a time. One thread serves them all through epoll: the
// generator shares its cores with the server, so it must cost little.
type load struct {
	addr  netip.AddrPort
	conns int
	// next writes the next request over buf and returns it with what its answer
	// must contain, or false when there is none left.
	next func(buf []byte) (request []byte, want []byte, ok bool)
	// warm passes before anything counts; then it counts for measure. Without
	// measure it counts all, and ends when next has none left.
	warm, measure time.Duration
	// mark is called when counting starts and when it ends.
	mark func()
}

// outcome is what a load saw.
type outcome struct {
	elapsed  time.Duration
	latency  []uint32 // nanoseconds, one a counted request, unsorted
	sent     int      // all, also those that did not count
	failures int
	first    error // of the failures
}

// grace is how long answers may take after the end.
const grace = 20 * time.Second

// run returns an error when it could not go on; wrong answers are in outcome.
func (l *load) run(ctx context.Context) (out outcome, err error) {
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return out, fmt.Errorf("epoll: %w", err)
	}
	defer syscall.Close(ep)
	conns := make([]*conn, l.conns)
	for i := range conns {
		c, err := dial(l.addr)
		if err != nil {
			return out, err
		}
		defer c.close()
		conns[i] = c
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
			return out, fmt.Errorf("epoll: %w", err)
		}
	}
	r := runner{load: l, out: &out, conns: conns, epoll: ep, buf: make([]byte, 256<<10)}
	if l.measure > 0 { // growing it meanwhile would be measured
		out.latency = make([]uint32, 0, int(l.measure.Seconds()+1)*100_000)
	}
	return out, r.run(ctx)
}

type runner struct {
	*load
	out              *outcome
	conns            []*conn
	epoll            int
	buf              []byte
	from, till       time.Time // when counting starts and ends
	began            time.Time
	counting, ending bool
	busy             int
}

func (r *runner) run(ctx context.Context) error {
	now := time.Now()
	r.from, r.till = now.Add(r.warm), now.Add(r.warm+r.measure)
	for _, c := range r.conns {
		if err := r.send(c, time.Now()); err != nil {
			return err
		}
	}
	events := make([]syscall.EpollEvent, len(r.conns))
	for r.busy > 0 {
		n, err := syscall.EpollWait(r.epoll, events, 20)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		now := r.clock()
		if r.ending && now.Sub(r.till) > grace {
			return fmt.Errorf("%d answers are still missing %v after the end", r.busy, grace)
		}
		for _, ev := range events[:max(n, 0)] {
			if err := r.receive(r.conns[ev.Fd]); err != nil {
				return err
			}
		}
	}
	if r.counting {
		r.end(time.Now())
	}
	return nil
}

// clock returns the time and starts or ends the counting when it is due.
func (r *runner) clock() time.Time {
	now := time.Now()
	if !r.counting && !r.ending && !now.Before(r.from) {
		r.counting = true
		r.mark()
		now = time.Now()
		r.began = now
		r.till = now.Add(r.measure)
	}
	if r.counting && r.measure > 0 && !now.Before(r.till) {
		r.end(now)
	}
	return now
}

func (r *runner) end(now time.Time) {
	r.counting, r.ending = false, true
	r.out.elapsed = now.Sub(r.began)
	r.mark()
}

func (r *runner) send(c *conn, now time.Time) error {
	if r.ending {
		return nil
	}
	request, want, ok := r.next(c.out[:0])
	if !ok {
		return nil
	}
	c.out, c.want, c.sent = request, want, now
	r.busy++
	r.out.sent++
	return c.write()
}

func (r *runner) receive(c *conn) error {
	done, err := c.read(r.buf)
	if err != nil {
		return err
	}
	if !done {
		return nil
	}
	r.busy--
	now := r.clock()
	if r.counting {
		r.out.latency = append(r.out.latency, uint32(min(now.Sub(c.sent), math.MaxUint32)))
	}
	if err := c.verdict(); err != nil {
		r.out.failures++
		if r.out.first == nil {
			r.out.first = err
		}
	}
	c.reset()
	return r.send(c, now)
}

func dial(addr netip.AddrPort) (*conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &conn{fd: fd}
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return c, nil
}
