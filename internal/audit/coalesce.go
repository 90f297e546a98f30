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
	return c.next.Append(ctx, ev)
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
	var due []Event
	for kind, n := range c.seen {
		if now.Sub(n.since) < window {
			continue
		}
		delete(c.seen, kind)
		if n.more > 0 {
			n.last.Details.Count = n.more
			n.last.Committed = false
			due = append(due, n.last)
		}
	}
	c.mu.Unlock()
	for i := range due {
		if err := c.next.Append(ctx, &due[i]); err != nil {
			c.log.Error("counted events could not be written", slog.Any("action", due[i].Action),
				slog.Any("count", due[i].Details.Count), slog.Any("error", err))
		}
	}
}
