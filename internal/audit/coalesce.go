package audit

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/network"
)

// Appender puts an event into the log and returns when it is there.
type Appender interface {
	Append(ctx context.Context, ev *Event) error
}

// window is how long events of one kind are counted into one.
const window = time.Minute

// maxKinds bounds the memory of the counts. What comes beyond it shares one.
const maxKinds = 4096

// rateLimited is the reason of events whose request came too soon.
const rateLimited = "rate_limited"

// Coalescer keeps a flood from filling the disk: of the events of callers
// without an identity, the first of each kind (organisation, network, action,
// reason, target, coalesce key) goes to the log at once; those that follow within a minute
// are counted, and the count goes to the log as one event. So do the requests
// of a known caller that came too soon, by caller and action; whatever else a
// known caller does passes untouched.
type Coalescer struct {
	next Appender
	now  func() time.Time
	log  *slog.Logger
	mu   sync.Mutex
	seen map[kindOf]*count
}

// kindOf is what events that are counted together have in common. One without
// an action holds what is beyond maxKinds: of one organisation or, beyond twice
// that, of all.
type kindOf struct{ org, actor, network, action, reason, target, key string }

// kindFor returns the kind of an event, and false for one that is not counted.
func kindFor(ev *Event) (kindOf, bool) {
	switch {
	case ev.ActorID == "":
		return kindOf{
			org: ev.Org, network: networkOf(ev.IP), action: ev.Action, reason: ev.Details.Reason, target: ev.Details.Target, key: ev.CoalesceKey,
		}, true
	case ev.Details.Reason == rateLimited:
		return kindOf{org: ev.Org, actor: ev.ActorKind + ":" + ev.ActorID, action: ev.Action, reason: rateLimited}, true
	}
	return kindOf{}, false
}

// networkOf is the network of an event's address, by which limits count too.
func networkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	return network.Of(addr)
}

type count struct {
	since time.Time
	ip    string // of the first
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
	kind, ok := kindFor(ev)
	if !ok {
		return c.next.Append(ctx, ev)
	}
	kind, counted := c.counted(kind, ev)
	if counted {
		return nil
	}
	err := c.next.Append(ctx, ev)
	if err != nil {
		// The next of its kind is the first in the log, not one that is counted.
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := c.seen[kind]; n != nil && n.more == 0 {
			delete(c.seen, kind)
		}
	}
	return err
}

// counted reports whether ev was added to a count: its kind's, or the one that
// holds it when there are too many kinds.
func (c *Coalescer) counted(kind kindOf, ev *Event) (kindOf, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.seen[kind]
	if n == nil && len(c.seen) >= maxKinds {
		kind = kindOf{org: kind.org}
		n = c.seen[kind]
	}
	if n == nil && len(c.seen) >= 2*maxKinds {
		kind = kindOf{}
		n = c.seen[kind]
	}
	if n == nil {
		c.seen[kind] = &count{since: ev.At, ip: ev.IP}
		return kind, false
	}
	n.more++
	n.last = *ev
	if n.ip != ev.IP {
		n.ip = ""
	}
	if n.ip == "" && kind.network != "" { // of several addresses
		n.last.IP = kind.network
	}
	if kind.action == "" {
		n.last = many(ev, kind.org)
	}
	ev.Committed = true
	return kind, true
}

// many is the event of a count over several kinds: what they need not have in
// common is left out.
func many(ev *Event, org string) Event {
	if org == "" {
		org = SystemOrg
	}
	return Event{
		ID: ev.ID, Org: org, At: ev.At, Action: ev.Action, ActorKind: "anonymous",
		Details: Details{Outcome: ev.Details.Outcome, Reason: "many_addresses", Status: ev.Details.Status},
	}
}

// Run writes counts whose minute is over, until ctx ends, and then all.
func (c *Coalescer) Run(ctx context.Context) {
	loop.Every(ctx, time.Second, func(ctx context.Context) { c.Flush(ctx, c.now()) })
	c.Flush(context.WithoutCancel(ctx), c.now().Add(2*window))
}

// Flush writes what was counted in minutes that are over by now.
func (c *Coalescer) Flush(ctx context.Context, now time.Time) {
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
