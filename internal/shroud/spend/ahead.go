package spend

import (
	"context"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// A reservation that waits for the disk costs more than all else of a call. Where one process alone has the
// database, and an agent is far from its limits, more is reserved now and then than one request needs, on the disk:
// what is held ahead. Requests go on without waiting as long as those that may not be on the disk yet
// take no more than that. A process that is killed leaves all of them written. With a machine that fails
// some are lost, and what was held ahead counts as spent in their place.

const (
	// aheadFor is how long requests go on under what is held ahead, aheadLasts how long it stays.
	aheadFor   = time.Minute
	aheadLasts = 3 * time.Minute
	// AheadRequests is for how many requests something is held ahead. It is a part of what is left of each limit
	// at most: 1 in aheadShare.
	AheadRequests = 64
	aheadShare    = 16
	// leastAhead is for how many requests it must be worth it.
	leastAhead = 8
)

// ErrNotAhead says that nothing is held ahead for a request: it has to wait for the disk.
var ErrNotAhead = fault.New(fault.Unavailable, "shroud_not_ahead", "The reservation has to be made again.")

// Plan is what is to be held ahead of an agent's requests.
type Plan struct {
	Boot  string
	Keeps func(has *Open, n *Counts) bool // whether what there is is kept, when n has the request but not that
	Make  func(n *Counts) *Open           // what is held in its place, or nil

	Now  *Open  // is told what is held, or nil
	Gone string // is told what is not any more
}

// Lost is how what was held ahead ends, where requests under it may be lost.
type Lost struct {
	Requests int64
	Row      *activity.Request
}

// aheads is what a process holds ahead.
type aheads struct {
	mu sync.Mutex
	of map[string]*ahead // by agent
}

// ahead is what is held ahead of the requests of one agent. What was written of requests under it is on the disk
// once something that was written after it is.
type ahead struct {
	row                   Open
	asked, written, saved worth
}

// worth is a number of requests and what is held for them. asked are those under way, written and saved have
// all since the beginning.
type worth struct {
	held     usd.Amount
	requests int64
}

func (w *worth) add(held usd.Amount, n int64) { w.held, w.requests = w.held+held, w.requests+n }

// under is what the request may go on under without waiting for the disk, or nil.
func (l *Ledger) under(r *Reservation) *ahead {
	l.ahead.mu.Lock()
	defer l.ahead.mu.Unlock()
	a := l.ahead.of[r.open.Agent]
	if a == nil || a.row.Day != r.open.Day || !a.row.lasts(r.open.At) {
		return nil
	}
	open := worth{a.asked.held + a.written.held - a.saved.held + r.open.Held, a.asked.requests + a.written.requests - a.saved.requests + 1}
	if r.lim.Budget > 0 && open.held > a.row.Held || open.requests > AheadRequests {
		return nil
	}
	a.asked.add(r.open.Held, 1)
	return a
}

// lasts reports whether requests may go on under o at a time.
func (o *Open) lasts(at time.Time) bool {
	age := at.Sub(o.At)
	return age >= 0 && age < aheadFor
}

// takeUnder takes the request without waiting for the disk, if it may. done is false where it has to wait.
func (r *Reservation) takeUnder(ctx context.Context, use *vault.Taking, ev *audit.Event) (done bool, err error) {
	if use != nil && use.Limited || ev != nil && ev.Details.Approval != "" {
		return false, nil // what is used up must be on the disk
	}
	l, held := r.ledger, r.open.Held
	a := l.under(r)
	if a == nil {
		return false, nil
	}
	err = l.cfg.Store.ReserveUnder(ctx, &r.open, func(n Counts) error {
		t, err := Decide(&r.lim, &r.ask, &r.model, &n, r.open.At)
		if err != nil || t.Held < held { // what is held ahead may be in the way
			return ErrNotAhead
		}
		r.AnswerTokens, r.open.Held = t.Answer, t.Held
		return nil
	}, use, ev, a.row.ID)
	l.ahead.mu.Lock()
	a.asked.add(-held, -1)
	if err == nil {
		a.written.add(held, 1)
	}
	l.ahead.mu.Unlock()
	if fault.CodeOf(err) == ErrNotAhead.Code {
		return false, nil
	}
	return true, err
}

// takeNow takes the request, and holds something ahead of those that follow.
func (r *Reservation) takeNow(ctx context.Context, use *vault.Taking, ev *audit.Event) error {
	l := r.ledger
	var plan *Plan
	var before *ahead
	var saved worth
	if l.cfg.Boot != "" {
		plan = r.plan()
		l.ahead.mu.Lock()
		if before = l.ahead.of[r.open.Agent]; before != nil {
			saved = before.written
		}
		l.ahead.mu.Unlock()
	}
	err := l.cfg.Store.ReserveSpend(ctx, &r.open, func(n Counts) error {
		t, err := Decide(&r.lim, &r.ask, &r.model, &n, r.open.At)
		r.AnswerTokens, r.open.Held = t.Answer, t.Held
		return err
	}, use, ev, plan)
	if err != nil || plan == nil {
		return err
	}
	l.ahead.mu.Lock()
	defer l.ahead.mu.Unlock()
	if before != nil && saved.requests > before.saved.requests {
		before.saved = saved
	}
	switch a := l.ahead.of[r.open.Agent]; {
	case plan.Now == nil:
		if a != nil && a.row.ID == plan.Gone {
			delete(l.ahead.of, r.open.Agent)
		}
	case a == nil || a.row.ID < plan.Now.ID: // ids have the order of time; what one knows of an older row does no harm
		if l.ahead.of == nil {
			l.ahead.of = map[string]*ahead{}
		}
		l.ahead.of[r.open.Agent] = &ahead{row: *plan.Now}
	}
	return nil
}

// plan is what is to be held ahead once a request is taken. Whatever is left of the agent's limits has to be many times
// that, so that it is missing nowhere.
func (r *Reservation) plan() *Plan {
	l := r.ledger
	left := func(n *Counts) usd.Amount { return r.lim.Budget.Less(n.Day.Spent).Less(n.Day.Held) }
	enough := func(held usd.Amount) bool { return r.lim.Budget == 0 || held >= leastAhead*r.open.Held }
	return &Plan{
		Boot: l.cfg.Boot,
		Keeps: func(has *Open, n *Counts) bool {
			return has.Node == l.node && has.lasts(r.open.At) && enough(has.Held) && (r.lim.Budget == 0 || left(n) >= has.Held) && r.roomAhead(n)
		},
		Make: func(n *Counts) *Open {
			o := r.open
			o.ID, o.Provider, o.Model, o.Stream, o.Held = ids.NewSorted(), "", l.cfg.Boot, false, 0
			if r.lim.Budget > 0 {
				o.Held = min(left(n)/aheadShare, AheadRequests*r.open.Held)
			}
			if !enough(o.Held) || !r.roomAhead(n) {
				return nil
			}
			return &o
		},
	}
}

// roomAhead reports whether the day has many more requests than those that may be lost.
func (r *Reservation) roomAhead(n *Counts) bool {
	return r.lim.PerDay == nil || *r.lim.PerDay-n.Day.Requests >= aheadShare*AheadRequests
}

// endAhead ends what is not held ahead any more.
func (l *Ledger) endAhead(ctx context.Context, now time.Time) error {
	l.ahead.mu.Lock()
	for agent, a := range l.ahead.of {
		if now.Sub(a.row.At).Abs() >= aheadLasts {
			delete(l.ahead.of, agent)
		}
	}
	l.ahead.mu.Unlock()
	return l.cfg.Store.EndAhead(ctx, l.node, l.cfg.Boot, now.Add(-aheadLasts), func(o *Open) *Lost {
		of := *o
		of.Provider, of.Model = lostName, lostName
		return &Lost{Requests: AheadRequests, Row: of.ended("node")}
	})
}

// lostName stands in the activity for the providers and models of requests that a machine took with it.
const lostName = "unknown"
