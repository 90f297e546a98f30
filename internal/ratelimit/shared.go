package ratelimit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Shared is a place where nodes share their token buckets. A nil one means that
// this node is alone.
type Shared interface {
	// Take takes n requests out of the bucket with the key, all or none. A
	// wait above zero means none, and when to ask again.
	Take(ctx context.Context, key string, perSecond float64, burst, n int) (wait time.Duration, err error)
}

// common puts the buckets of one limit in a place that all nodes ask. What a
// node lets through is taken there first, so all together never let through more
// than one bucket holds.
//
// A node's own bucket is asked before: an address that it refuses costs the
// others nothing. Of a bucket with a large burst a node takes some requests at
// once, and asks again when they are spent; those that it does not need within
// leaseTime are lost.
type common struct {
	class string
	in    Shared
	away  atomic.Int64 // until when it is not asked, having failed: Unix microseconds
}

const (
	leaseTime  = time.Second
	sharedTime = 250 * time.Millisecond // how long a request waits for it at most
	awayTime   = time.Second
)

// lease is what this node took ahead for one key.
type lease struct {
	mu    sync.Mutex
	left  int
	until time.Time // when left is lost
	again time.Time // the nodes' bucket is empty until then
}

func (b buckets) sharedAs(class string, in Shared) buckets {
	if in != nil {
		b.nodes = &common{class: class, in: in}
	}
	return b
}

// take returns zero when the request may pass. When the place does not answer, it
// passes: this node's own bucket has let it.
func (s *common) take(l *bucket, key string, r Rate, now time.Time) time.Duration {
	if s.away.Load() > now.UnixMicro() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case now.Before(l.again):
		return l.again.Sub(now)
	case l.left > 0 && now.Before(l.until):
		l.left--
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), sharedTime)
	defer cancel()
	n := max(1, r.Burst/10)
	wait, err := s.in.Take(ctx, s.class+" "+key, r.PerSecond, r.Burst, n)
	if err == nil && wait > 0 && n > 1 {
		n = 1
		wait, err = s.in.Take(ctx, s.class+" "+key, r.PerSecond, r.Burst, n)
	}
	switch {
	case err != nil:
		s.away.Store(now.Add(awayTime).UnixMicro())
		return 0
	case wait > 0:
		l.again = now.Add(wait)
		return wait
	}
	l.left, l.until = n-1, now.Add(leaseTime)
	return 0
}
