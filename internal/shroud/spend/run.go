package spend

import (
	"context"
	"log/slog"
	"time"

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
)

// late is an end that could not be stored.
type late struct {
	stored  bool
	open    Open
	request activity.Request
}

func (l *Ledger) putOff(e late) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.late) < maxLate {
		l.late = append(l.late, e)
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
// other nodes have left counts as spent.
func (l *Ledger) Keep(ctx context.Context) error {
	now := l.cfg.Now()
	if err := l.cfg.Store.RenewSpends(ctx, l.node, now.Add(leaseFor)); err != nil {
		return err
	}
	l.mu.Lock()
	waiting := l.late
	l.late = nil
	l.mu.Unlock()
	for i, e := range waiting {
		if err := l.settle(ctx, e.stored, &e.open, &e.request); err != nil {
			for _, e := range waiting[i:] {
				l.putOff(e)
			}
			return err
		}
	}
	lost, err := l.cfg.Store.LostSpends(ctx, now, lostAtOnce)
	for _, o := range lost {
		if err == nil {
			err = l.cfg.Store.SettleSpend(ctx, &o, o.lost(), now)
		}
	}
	return err
}

// lost is what is told of a request whose node is gone: it may have cost all that it might.
func (o *Open) lost() *activity.Request {
	q := activity.Request{
		ID: o.ID, Org: o.Org, Agent: o.Agent, Provider: o.Provider, Model: o.Model, At: o.At,
		Action: activity.Lost, Cut: "node", Cost: o.Held, Basis: activity.Reservation,
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
