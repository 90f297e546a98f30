package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Appender puts an event into the log and returns when it is there.
type Appender interface {
	Append(ctx context.Context, ev *Event) error
}

// window is how long events of one kind are counted into one.
const window = time.Minute

// maxKinds bounds the memory of the counts. What comes beyond it shares one.
const maxKinds = 4096

// Coalescer keeps a flood from filling the disk: of the events of callers
// without an identity, the first of each kind (address, action, reason) goes to
// the log at once; those that follow within a minute are counted, and the
// count goes to the log as one event. Events of known callers pass untouched.
type Coalescer struct {
	next Appender
	now  func() time.Time
	log  *slog.Logger
	mu   sync.Mutex
	seen map[kindOf]*count
}

type kindOf struct{ ip, action, reason string }

type count struct {
	since time.Time
	more  uint64
	last  Event
}

// NewCoalescer returns a Coalescer in front of next. Run must be running for
// the counts to reach the log.
func NewCoalescer(next Appender, now func() time.Time, log *slog.Logger) *Coalescer {
	return &Coalescer{next: next, now: now, log: log, seen: map[kindOf]*count{}}
}

// Append implements Appender.
func (c *Coalescer) Append(ctx context.Context, ev *Event) error {
	if ev.Org != SystemOrg || ev.ActorID != "" {
		return c.next.Append(ctx, ev)
	}
	if c.counted(ev) {
		return nil
	}
	err := c.next.Append(ctx, ev)
	if err != nil {
		// The next of its kind is the first in the log, not one that is counted.
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := c.seen[kindOf{ev.IP, ev.Action, ev.Details.Reason}]; n != nil && n.more == 0 {
			delete(c.seen, kindOf{ev.IP, ev.Action, ev.Details.Reason})
		}
	}
	return err
}

// counted reports whether ev was added to the count of its kind.
func (c *Coalescer) counted(ev *Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := kindOf{ev.IP, ev.Action, ev.Details.Reason}
	n := c.seen[kind]
	if n == nil && len(c.seen) >= maxKinds {
		kind = kindOf{}
		n = c.seen[kind]
	}
	if n == nil {
		c.seen[kind] = &count{since: ev.At}
		return false
	}
	n.more++
	n.last = *ev
	if kind == (kindOf{}) {
		n.last.IP, n.last.Details.Reason = "", "many_addresses"
	}
	ev.Committed = true
	return true
}

// Run writes counts whose minute is over, until ctx ends, and then all.
func (c *Coalescer) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.flush(context.WithoutCancel(ctx), c.now().Add(2*window))
			return
		case <-tick.C:
			c.flush(ctx, c.now())
		}
	}
}

// flush writes what was counted in minutes that are over by now.
func (c *Coalescer) flush(ctx context.Context, now time.Time) {
	c.mu.Lock()
	due := map[kindOf]*count{}
	for kind, n := range c.seen {
		if now.Sub(n.since) < window {
			continue
		}
		delete(c.seen, kind)
		if n.more > 0 {
			due[kind] = n
		}
	}
	c.mu.Unlock()
	for kind, n := range due {
		ev := n.last
		ev.Details.Count, ev.Committed = n.more, false
		if err := c.next.Append(ctx, &ev); err != nil {
			c.log.Error("counted events could not be written yet", slog.Any("action", ev.Action),
				slog.Any("count", n.more), slog.Any("error", err))
			c.putBack(kind, n)
		}
	}
}

// putBack keeps a count that could not be written for the next turn.
func (c *Coalescer) putBack(kind kindOf, n *count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if newer := c.seen[kind]; newer != nil && newer.more > 0 {
		newer.more += n.more
	} else {
		c.seen[kind] = n
	}
}
