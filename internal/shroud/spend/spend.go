// Package spend bounds what agents spend at the providers of language models: it reserves
// before a call what the call may cost, and settles after it what it did cost.
//
// Its promise: of all requests of an agent, on all nodes, no more go on at a time than its
// limits have room for, as if each took all that it may take. What was reserved is settled
// once, also when the caller hangs up, the answer breaks off or the provider does not say what
// it bills; what a node took with it when it died counts as spent. Nothing is free by
// accident.
package spend

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Open is a reservation as it is stored.
type Open struct {
	ID, Org, Agent, Provider, Model string
	Node                            string // who will settle it
	Day                             int64  // that it counts in
	Stream                          bool
	Held                            usd.Amount
	At                              time.Time
	Until                           time.Time // it counts as spent unless its node is heard of before
}

// Store keeps reservations and what was spent.
type Store interface {
	// ReserveSpend stores o, if decide allows it with the counts of its agent as they are in its
	// transaction. decide completes o, and may run more than once. With it, in one transaction,
	// goes what a use takes off, and the event of the call; either may be nil. ahead, unless it is
	// nil, says what is to be held ahead of the requests that follow, and is told what is.
	ReserveSpend(ctx context.Context, o *Open, decide func(Counts) error, use *vault.Taking, ev *audit.Event, ahead *Plan) error
	// ReserveUnder does what ReserveSpend does without waiting for the disk, under what is held ahead with
	// an id. It returns ErrNotAhead where nothing is.
	ReserveUnder(ctx context.Context, o *Open, decide func(Counts) error, use *vault.Taking, ev *audit.Event, ahead string) error
	// EndAhead ends what other processes than node hold ahead, and what was held before a time. What was
	// held in another boot than the one that is named counts as spent: ended says how.
	EndAhead(ctx context.Context, node, boot string, before time.Time, ended func(*Open) *Lost) error
	// CountSpend counts a request of the agent of o in its day and second, if decide allows it with
	// the counts as they are in its transaction. It does not wait for the disk.
	CountSpend(ctx context.Context, o *Open, decide func(Counts) error) error
	// SettleSpend ends o, counts the cost of r against the day of o, and stores r. When o has
	// ended already, or its organisation is gone, nothing is stored; nor when o has not ended by
	// itself before lost, if that is not zero.
	SettleSpend(ctx context.Context, o *Open, r *activity.Request, lost time.Time) error
	// SettleLater does what SettleSpend does, or where nothing was reserved NoteRequest, for whoever
	// does not wait for it: before what the same node reserves after it. then is told what became
	// of it.
	SettleLater(ctx context.Context, o *Open, r *activity.Request, reserved bool, then func(error))
	// NoteRequest stores r, for which nothing was reserved. It does not wait for the disk.
	NoteRequest(ctx context.Context, r *activity.Request) error
	// RenewSpends puts off the end of all that a node has open and that was reserved since a time.
	RenewSpends(ctx context.Context, node string, since, until time.Time) error
	// LostSpends are reservations that ended by themselves before a time.
	LostSpends(ctx context.Context, before time.Time, limit int) ([]Open, error)
	// SweepSpends forgets requests and days before a time, seconds before another, and texts
	// that are to be kept until now.
	SweepSpends(ctx context.Context, before, seconds, now time.Time) error
}

// Config is what a Ledger is made of.
type Config struct {
	Store    Store
	Prices   *Table
	Log      *slog.Logger
	Now      func() time.Time
	Longest  time.Duration             // how long a call may take
	Boot     string                    // since when this machine runs, where no other process has the database; "": nothing is held ahead
	Told     func(r *activity.Request) // is told once of each request of this node that ended; nil: nobody is
	Unstored func()                    // is told of each whose end could never be stored; nil: nobody is
}

// Ledger keeps the limits of agents, for one node.
type Ledger struct {
	cfg    Config
	node   string
	places *budget.Places // of streams whose agents name no number

	mu   sync.Mutex
	late []late // could not be settled yet

	ahead aheads
}

// New returns a Ledger.
func New(cfg Config) *Ledger {
	return &Ledger{cfg: cfg, node: rand.Text(), places: budget.NewPlaces(DefaultStreams)}
}

// Reservation is one request that may go on, once it is taken.
type Reservation struct {
	// AnswerTokens is how long each answer may be where the request does not say: the request
	// must be sent with it. 0: it goes as it is. Take may make it less, and never 0.
	AnswerTokens int64

	ledger *Ledger
	lim    Limits
	ask    Ask
	open   Open
	stored bool
	model  Model
	priced bool
	input  int64 // tokens, at most
	place  *budget.Key

	once sync.Once
}

// Lists reports whether a model is one that the prices name.
func (l *Ledger) Lists(provider, model string) bool { return l.cfg.Prices.Lists(provider, model) }

// ID is that of the request's row among the activity.
func (r *Reservation) ID() string { return r.open.ID }

// Begin is a request that goes on if it is taken. It refuses what no count changes, and writes
// nothing.
func (l *Ledger) Begin(c *call.Call, lim Limits, a Ask) (*Reservation, error) {
	if c.Who.Kind != policy.KindAgent {
		return nil, errOnlyAgents
	}
	r := &Reservation{ledger: l, lim: lim, ask: a, input: a.input()}
	r.model, r.priced = l.cfg.Prices.Find(a.Provider, a.Model)
	if err := Early(&lim, &a, r.priced); err != nil {
		return nil, err
	}
	r.open = Open{
		ID: ids.NewSorted(), Org: c.Who.Org, Agent: c.Who.ID, Provider: a.Provider, Model: a.Model, Node: l.node,
		Day: dayOf(c.Now), Stream: a.Stream, At: c.Now, Until: c.Now.Add(leaseFor),
	}
	if a.Stream && lim.Streams == nil {
		key := budget.Key{ID: c.Who.ID}
		if !l.places.Enter(key) {
			return nil, errStreams(DefaultStreams)
		}
		r.place = &key
	}
	t := reserve(&lim, &a, &r.model)
	r.AnswerTokens, r.open.Held = t.Answer, t.Held
	return r, nil
}

// Counted reports whether the request takes of limits that are counted: then it goes on only if
// Take allows it.
func (r *Reservation) Counted() bool { return r.lim.counted() }

// Take reserves what the request may take of its agent's limits. It is decided with the counts of
// all nodes, in one transaction with what a use takes off and with the event of the call, which may
// be nil; it stands on the caller's right as every write does. What it refuses has ended.
// It is on the disk, or what is held ahead of it is.
func (r *Reservation) Take(ctx context.Context, use *vault.Taking, ev *audit.Event) error {
	done, err := r.takeUnder(ctx, use, ev)
	if !done {
		err = r.takeNow(ctx, use, ev)
	}
	if err != nil {
		r.once.Do(r.leave)
		return err
	}
	r.stored = true
	return nil
}

// Taken reports whether Take has allowed it.
func (r *Reservation) Taken() bool { return r.stored }

// Leave ends a reservation that was not taken, and of which nothing is told.
func (r *Reservation) Leave() { r.once.Do(r.leave) }

func (r *Reservation) leave() {
	if r.place != nil {
		r.ledger.places.Leave(*r.place)
	}
}

var errOnlyAgents = fault.New(fault.Denied, "shroud_for_agents", "Only agents call language models through Shroud. Use the key of an agent.")

// Count counts a request that is refused for what was found in it, so that whoever tries what passes
// has no more tries than requests. It costs nothing. Where the limits have no room for one more it
// returns their refusal, which goes before the other: that one tells what was found.
func (l *Ledger) Count(ctx context.Context, c *call.Call, lim *Limits) error {
	if lim.PerMinute == nil && lim.PerDay == nil {
		return nil
	}
	o := Open{Org: c.Who.Org, Agent: c.Who.ID, Day: dayOf(c.Now), At: c.Now}
	return l.cfg.Store.CountSpend(ctx, &o, func(n Counts) error { return room(lim, &n, o.At) })
}

// Note stores what became of a request that was stopped before anything was reserved, under
// an id of the caller's making.
func (l *Ledger) Note(ctx context.Context, c *call.Call, q activity.Request) error {
	q.Org, q.Agent, q.At = c.Who.Org, c.Who.ID, c.Now
	q.Cost, q.Basis = 0, activity.Free
	l.told(&q)
	return l.cfg.Store.NoteRequest(alone(ctx), &q)
}

func (l *Ledger) told(q *activity.Request) {
	if l.cfg.Told != nil {
		l.cfg.Told(q)
	}
}

// alone is the context of what is written whatever becomes of the call, and of the right that it
// was made with.
func alone(ctx context.Context) context.Context {
	var nobody *call.Basis
	return nobody.With(context.WithoutCancel(ctx))
}
