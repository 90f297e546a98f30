package spend

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
)

const (
	// leaseFor is how long a reservation lasts without a word of its node.
	leaseFor = 3 * time.Minute
	// round is how often a node gives word.
	round = 30 * time.Second
	// maxLate bounds what waits for a database that does not answer. What is beyond it counts
	// in the end as what a dead node had.
	maxLate = 10_000
	// lostAtOnce is how many are ended in one round.
	lostAtOnce = 500
	// sweepEvery is how often old rows are forgotten.
	sweepEvery = 10 * time.Minute
	// maxTries is how often an end is tried again before it counts as one that can't be stored.
	maxTries = 5
	// failuresAtOnce is after how many failures in a row the rest waits for the next round: the database
	// may be down.
	failuresAtOnce = 3
	// renewedFor is for how much longer than a call may take its reservation is renewed. What is
	// older is counted as lost, whatever has become of its end.
	renewedFor = time.Hour
)

// late is an end that could not be stored.
type late struct {
	stored  bool
	open    Open
	request activity.Request
	tries   int
}

func (l *Ledger) putOff(all ...late) {
	l.mu.Lock()
	room := max(maxLate-len(l.late), 0)
	kept := all[:min(len(all), room)]
	l.late = append(l.late, kept...)
	l.mu.Unlock()
	for i := range all[len(kept):] {
		l.unstored(&all[len(kept)+i], "too many wait")
	}
}

// unstored tells of an end whose own row is given up.
func (l *Ledger) unstored(e *late, why string) {
	l.cfg.Log.Error("what a request cost can't be stored: it counts as what was reserved", slog.String("request", e.open.ID), slog.String("org", e.open.Org),
		slog.String("agent", e.open.Agent), slog.String("cost", e.request.Cost.String()), slog.String("reserved", e.open.Held.String()), slog.String("why", why))
	if l.cfg.Unstored != nil {
		l.cfg.Unstored()
	}
}

// Run keeps what this node has open, stores what could not be stored, ends what dead nodes have
// left, and forgets what is old, until ctx ends.
func (l *Ledger) Run(ctx context.Context) {
	var swept time.Time
	turn := func(ctx context.Context) {
		if err := l.Keep(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.Error("reservations of requests to models could not be kept", slog.Any("error", err))
		}
		if now := l.cfg.Now(); now.Sub(swept).Abs() >= sweepEvery {
			swept = now
			if err := l.Sweep(ctx); err != nil && ctx.Err() == nil {
				l.cfg.Log.Error("old requests to models could not be forgotten", slog.Any("error", err))
			}
		}
	}
	turn(ctx) // what a server left that died is known soon after the next start
	loop.Every(ctx, round, turn)
}

// Keep is one round: what this node has open goes on, what it could not store is stored, and what
// other nodes have left counts as spent. What fails keeps nothing else from being stored.
func (l *Ledger) Keep(ctx context.Context) error {
	now := l.cfg.Now()
	if err := l.cfg.Store.RenewSpends(ctx, l.node, now.Add(-l.cfg.Longest-renewedFor), now.Add(leaseFor)); err != nil {
		return err
	}
	all := []error{l.catchUp(ctx)}
	all = append(all, l.endAhead(ctx, now))
	lost, err := l.cfg.Store.LostSpends(ctx, now, lostAtOnce)
	all = append(all, err)
	for i := range lost {
		all = append(all, l.cfg.Store.SettleSpend(ctx, &lost[i], lost[i].ended("node"), now))
	}
	return errors.Join(all...)
}

// catchUp stores the ends that wait. One that fails waits behind the others; one that failed too
// often is settled at its reserved price, in a row that has nothing of its own. One that can't be
// settled so either is given up once nobody renews its reservation: what is left of that counts as lost.
func (l *Ledger) catchUp(ctx context.Context) (first error) {
	l.mu.Lock()
	waiting := l.late
	l.late = nil
	l.mu.Unlock()
	var failed []late
	inARow, old := 0, l.cfg.Now().Add(-l.cfg.Longest-renewedFor)
	for i := range waiting {
		e := &waiting[i]
		err := l.settle(ctx, e.stored, &e.open, &e.request)
		if e.tries++; err != nil && e.tries >= maxTries && (l.settle(ctx, e.stored, &e.open, e.open.ended("storage")) == nil || e.open.At.Before(old)) {
			l.unstored(e, err.Error())
			err = nil
		}
		if inARow++; err == nil {
			inARow = 0
			continue
		}
		failed = append(failed, *e)
		if first == nil {
			first = err
		}
		if inARow == failuresAtOnce {
			failed = append(waiting[i+1:len(waiting):len(waiting)], failed...)
			break
		}
	}
	l.putOff(failed...)
	return first
}

// ended is what is told of a request of which nobody knows what became, or whose end can't be stored:
// it may have cost all that it might. The row has an id of its own, since one with the request's may be what
// is in the way.
func (o *Open) ended(cut string) *activity.Request {
	q := activity.Request{
		ID: ids.New(), Org: o.Org, Agent: o.Agent, Provider: o.Provider, Model: o.Model, At: o.At,
		Action: activity.Lost, Cut: cut, Cost: o.Held, Basis: activity.Reservation,
	}
	if o.Held == 0 {
		q.Basis = activity.Unknown
	}
	return &q
}

// Sweep forgets what is old.
func (l *Ledger) Sweep(ctx context.Context) error {
	now := l.cfg.Now()
	return l.cfg.Store.SweepSpends(ctx, now.Add(-activity.Kept), now.Add(-2*Minute*time.Second), now)
}
