// Package activity is what became of each request that agents sent to a language model: a
// row a request, kept for a time, listed and summed up.
//
// Its promise: a row tells kinds and counts of what was found, never a text of a conversation. What
// is kept of texts, if anything is, lies sealed beside it (package flagged).
// Whoever does not manage the organisation sees the requests of its own agents alone, and an agent
// its own.
package activity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// Kept is how long rows are kept.
const Kept = 90 * 24 * time.Hour

// Action is what Shroud did with a request, the strongest of all that it did.
type Action string

// The actions.
const (
	Allowed  Action = "allowed"
	Logged   Action = "logged"   // something was found, and noted alone
	Warned   Action = "warned"   // something was found, and the caller was told
	Redacted Action = "redacted" // something was cut out or replaced
	Blocked  Action = "blocked"  // the request or its answer was held back
	Failed   Action = "failed"   // there was no answer, or not all of it
	Lost     Action = "lost"     // the node that had it is gone: nobody knows what became of it
)

// Actions are all that there are.
func Actions() []Action {
	return []Action{Allowed, Logged, Warned, Redacted, Blocked, Failed, Lost}
}

// Effect is what a finding led to.
type Effect string

// The effects.
const (
	EffectBlocked  Effect = "blocked"
	EffectRedacted Effect = "redacted" // cut out or replaced
	EffectWarned   Effect = "warned"
	EffectLogged   Effect = "logged"
)

// Finding is how often a detector found something, and what that led to.
type Finding struct {
	Detector string
	Effect   Effect
	Count    int64
}

// Basis is what the cost of a request rests on.
type Basis string

// The bases.
const (
	Unknown     Basis = ""            // there is no price for the model
	OfUsage     Basis = "usage"       // what the provider said it bills
	OfBytes     Basis = "bytes"       // the provider said less: a token for each byte of the answer
	Reservation Basis = "reservation" // the provider said nothing: what was reserved
	Free        Basis = "not_served"  // the provider did nothing that it bills
)

// Request is what became of one request.
type Request struct {
	ID, Org, Agent, Provider, Model string
	AgentName                       string // as it is now; of a row that is read
	Action                          Action
	RequestTokens, ResponseTokens   int64
	CacheRead, CacheWrite           int64 // of RequestTokens
	Latency                         time.Duration
	SecretsRedacted, PII            bool
	Filtered                        bool    // something of the answer was held back
	Injection, AnswerInjection      float64 // scores, from 0 to 1
	Violations                      []string
	Hosts                           []string // of addresses that were flagged: their names alone
	Findings                        []Finding
	Cost                            usd.Amount
	Basis                           Basis
	Cut                             string // who cut the answer off: "caller", "provider", "node", "rights", "storage" (its end could not be stored) or ""
	At                              time.Time
	Text                            *flagged.Text // sealed; nil: none is kept. Of a row that is read it is nil
}

// Query picks requests of an organisation; zero fields pick all.
type Query struct {
	Org, Agent    string
	Action        Action
	OfCreator     string // only those of agents that this human made
	Provider      string
	Detector      string    // only those in which it found something
	From          time.Time // only those since then
	Limit, Offset int
}

// Slot is how many requests of a provider came in one step of a period, and in how many of
// them something was found.
type Slot struct {
	At              time.Time // its beginning
	Provider        string
	Requests, Found int64
}

// Counts are the requests of a period over time. Steps without any are left out.
type Counts struct {
	From  time.Time
	Step  time.Duration
	Slots []Slot
}

// Detected is what one detector did in a period.
type Detected struct {
	Detector                          string
	Blocked, Redacted, Warned, Logged int64
}

// Detections is how often it found something.
func (d *Detected) Detections() int64 { return d.Blocked + d.Redacted + d.Warned + d.Logged }

// Summary is what happened in a period.
type Summary struct {
	Requests, Before int64 // in the period, and in the one before it
	Blocked          int64
	Agents           int64
	Detectors        []Detected
	Flagged          []Request // the newest that were not simply allowed
}

// Store keeps requests.
type Store interface {
	// Requests returns the newest first, and how many there are in all.
	Requests(ctx context.Context, q Query) ([]Request, int64, error)
	// Counts counts what q picks by steps since q.From and by provider, in this order.
	Counts(ctx context.Context, q Query, step time.Duration) ([]Slot, error)
	// Summary sums up what q picks from a time on, with as many flagged requests as q's limit.
	Summary(ctx context.Context, q Query, before, from time.Time) (Summary, error)
}

// Service shows requests to those who may see them.
type Service struct{ Store Store }

var errAction = fault.New(fault.Invalid, "unknown_action", "action is one of allowed, logged, warned, redacted, blocked, failed and lost.")

// List returns requests, the newest first, and how many there are.
func (s *Service) List(ctx context.Context, c *call.Call, q Query) ([]Request, int64, error) {
	if err := q.restrict(c); err != nil {
		return nil, 0, err
	}
	return s.Store.Requests(ctx, q)
}

// ListSince is List for a period that ends now; none is all time.
func (s *Service) ListSince(ctx context.Context, c *call.Call, q Query, period string) ([]Request, int64, error) {
	if period != "" {
		length, err := Period(period)
		if err != nil {
			return nil, 0, err
		}
		q.From = c.Now.Add(-length)
	}
	return s.List(ctx, c, q)
}

// stepOf is how a period is parted: into 12 to 30 steps.
func stepOf(length time.Duration) time.Duration {
	switch {
	case length <= time.Hour:
		return 5 * time.Minute
	case length <= 24*time.Hour:
		return time.Hour
	case length <= 7*24*time.Hour:
		return 6 * time.Hour
	}
	return 24 * time.Hour
}

// Count counts the requests that q picks in a period, whose last step is the one that is
// under way.
func (s *Service) Count(ctx context.Context, c *call.Call, q Query, period string) (Counts, error) {
	length, err := Period(period)
	if err == nil {
		err = q.restrict(c)
	}
	if err != nil {
		return Counts{}, err
	}
	n := Counts{Step: stepOf(length)}
	n.From = c.Now.UTC().Truncate(n.Step).Add(n.Step - length)
	q.From = n.From
	n.Slots, err = s.Store.Counts(ctx, q, n.Step)
	return n, err
}

// mostFlagged is how many flagged requests a summary names.
const mostFlagged = 50

// periods are those that can be summed up.
var errPeriod = fault.New(fault.Invalid, "invalid_period", "period is one of 1h, 24h, 7d and 30d.")

// Period is how long one of the contract's periods is; 24h when none is named.
func Period(name string) (time.Duration, error) {
	switch name {
	case "1h":
		return time.Hour, nil
	case "", "24h":
		return 24 * time.Hour, nil
	case "7d":
		return 7 * 24 * time.Hour, nil
	case "30d":
		return 30 * 24 * time.Hour, nil
	}
	return 0, errPeriod
}

// SumUp says what happened in a period that ends now.
func (s *Service) SumUp(ctx context.Context, c *call.Call, period string) (Summary, error) {
	length, err := Period(period)
	q := Query{Limit: mostFlagged}
	if err == nil {
		err = q.restrict(c)
	}
	if err != nil {
		return Summary{}, err
	}
	from := c.Now.Add(-length)
	return s.Store.Summary(ctx, q, from.Add(-length), from)
}

// restrict leaves a query what the caller may see.
func (q *Query) restrict(c *call.Call) error {
	d := policy.Decide(c.Who, policy.ReadActivity, c.Own(), c.At())
	c.Event.Details.Reason = string(d.Reason)
	if err := d.Err(); err != nil {
		return err
	}
	known := q.Action == ""
	for _, a := range Actions() {
		known = known || q.Action == a
	}
	if !known {
		return errAction
	}
	q.Org = c.Who.Org
	switch {
	case !d.Partial:
	case c.Who.Kind == policy.KindAgent:
		if q.Agent != "" && q.Agent != c.Who.ID {
			q.OfCreator = c.Who.ID // nobody's: an agent makes none
		} else {
			q.Agent = c.Who.ID
		}
	default:
		q.OfCreator = c.Who.ID
	}
	return nil
}
