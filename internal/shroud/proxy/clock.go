package proxy

import (
	"context"
	"io"
	"time"
)

// clock ends a call whose provider is silent for too long, or that takes too long.
type clock struct {
	idle   time.Duration
	silent *time.Timer
}

// timed returns a context that ends when the time of a call is over. Its cause says which time it was.
func (p *Proxy) timed(ctx context.Context) (_ context.Context, c *clock, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ctx, over := context.WithTimeoutCause(ctx, p.cfg.Longest, errLong)
	c = &clock{idle: p.cfg.Idle, silent: time.AfterFunc(p.cfg.Idle, func() { cancel(errSilent) })}
	return ctx, c, func() {
		c.silent.Stop()
		over()
		cancel(nil)
	}
}

// heard is a body that is waited for no longer than the clock says. The time that is not spent waiting
// for it, such as for a slow reader of the answer, is not the provider's.
func (c *clock) heard(body io.Reader) io.Reader {
	c.silent.Stop()
	return &hearing{body, c}
}

type hearing struct {
	io.Reader
	clock *clock
}

// Read implements io.Reader.
func (h *hearing) Read(b []byte) (int, error) {
	h.clock.silent.Reset(h.clock.idle)
	defer h.clock.silent.Stop()
	return h.Reader.Read(b)
}
