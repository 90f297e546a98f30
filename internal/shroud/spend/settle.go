package spend

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// How is how a call ended.
type How uint8

// The ways.
const (
	Answered  How = iota // the answer came to its end, whoever read it
	HungUp               // the caller went away before it
	Broken               // the provider's answer broke off
	NotServed            // the provider refused it, or was not asked
	Revoked              // the caller's right to it ended before it
	Stopped              // this server was told to stop before it
)

// End is what is known at the end of a call.
type End struct {
	How         How
	AnswerBytes int64 // of the texts of the answer that came, those of its tool calls too
	// Request is what is told of it: what it was found to hold, how long it took. The
	// rest is filled in.
	Request activity.Request
}

// Settle ends the reservation with what the provider said it bills: the latest that it said, if
// the answer broke off. A second time does nothing. The caller's context may have ended. It does
// not wait for the database: what this node reserves after it finds the end stored. then is told
// when it is, or with an error that it is stored later, or that the node's death will be; it may
// be nil.
func (r *Reservation) Settle(ctx context.Context, u convo.Usage, e End, then func(error)) {
	told := func(err error) {
		if then != nil {
			then(err)
		}
	}
	first := false
	r.once.Do(func() { first = true })
	if !first {
		told(nil)
		return
	}
	r.leave()
	q := r.request(u, &e)
	r.ledger.told(&q)
	r.ledger.cfg.Store.SettleLater(alone(ctx), &r.open, &q, r.stored, func(err error) {
		if err != nil {
			r.ledger.cfg.Log.Error("what a request cost is stored later", slog.String("request", r.open.ID), slog.Any("error", err))
			r.ledger.putOff(late{stored: r.stored, open: r.open, request: q})
		}
		told(err)
	})
}

func (l *Ledger) settle(ctx context.Context, stored bool, o *Open, q *activity.Request) error {
	if stored {
		return l.cfg.Store.SettleSpend(ctx, o, q, time.Time{})
	}
	return l.cfg.Store.NoteRequest(ctx, q)
}

// request completes the row of a request.
func (r *Reservation) request(u convo.Usage, e *End) activity.Request {
	q := e.Request
	q.ID, q.Org, q.Agent, q.Provider, q.Model, q.At = r.open.ID, r.open.Org, r.open.Agent, r.open.Provider, r.open.Model, r.open.At
	q.CacheRead, q.CacheWrite = tokens(u.CacheRead), tokens(u.CacheWrite)
	q.RequestTokens, q.ResponseTokens = tokens(u.Input)+q.CacheRead+q.CacheWrite, tokens(u.Output)
	switch e.How {
	case HungUp:
		q.Cut = "caller"
	case Broken:
		q.Cut = "provider"
	case Revoked:
		q.Cut = "rights"
	case Stopped:
		q.Cut = "node"
	case Answered, NotServed:
	}
	if q.Action == "" {
		q.Action = activity.Allowed
		switch e.How {
		case NotServed, Broken, Stopped:
			q.Action = activity.Failed
		case Revoked:
			q.Action = activity.Blocked
		case Answered, HungUp:
		}
	}
	q.Cost, q.Basis = r.charge(u, e)
	return q
}

func tokens(n int64) int64 { return min(max(n, 0), maxTokens) }

// charge is what a call costs. Where the provider did not say all of it, a model that shows all
// that it bills costs a token for each byte of its answer, and any other what was reserved: nobody
// can tell what it thought.
func (r *Reservation) charge(u convo.Usage, e *End) (usd.Amount, activity.Basis) {
	if e.How == NotServed && !u.Known() {
		return 0, activity.Free
	}
	if !r.priced {
		return 0, activity.Unknown
	}
	said := r.model.Cost(u)
	whole := u.Known() && (u.Output > 0 || e.AnswerBytes == 0)
	switch {
	case e.How == Answered && whole, e.How == NotServed:
		return said, activity.OfUsage
	case r.model.allShown && e.AnswerBytes > 0:
		if u.Input+u.CacheRead+u.CacheWrite == 0 {
			u.Input = r.input
		}
		u.Output = max(u.Output, e.AnswerBytes)
		return max(said, min(r.model.Cost(u), r.open.Held)), activity.OfBytes
	}
	return max(said, r.open.Held), activity.Reservation
}
