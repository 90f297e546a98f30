package spend_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// TestPostgreSQL runs all that asks a database on the other engine.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"a race":               TestOfManyAtOnceSoManyGoOnAsThereIsRoomFor,
		"settled once":         TestAReservationIsSettledOnce,
		"what is charged":      TestWhatIsCharged,
		"a dead node":          TestWhatADeadNodeHadCountsAsSpent,
		"a clock set back":     TestAClockThatIsSetBackGivesNothing,
		"erased":               TestAnOrganisationThatIsErasedMeanwhile,
		"rights":               TestRightsThatEndMeanwhile,
		"with its event":       TestAReservationComesWithItsEvent,
		"no limits":            TestWithoutLimitsNothingIsWrittenBefore,
		"later":                TestWhatCanNotBeStoredIsStoredLater,
		"never":                TestWhatCanNeverBeStoredCountsAsReserved,
		"in no way":            TestWhatCanBeStoredInNoWayIsGivenUp,
		"never renewed":        TestNoReservationOutlivesItsCallForLong,
		"streams":              TestStreamsAreCountedOnAllNodes,
		"minutes":              TestRequestsOfAMinuteAndOfADay,
		"refused":              TestWhatIsRefusedForItsTextCounts,
		"old rows":             TestOldRowsAreForgotten,
		"held ahead":           TestFarFromTheLimitsFewRequestsWait,
		"in nobody's way":      TestWhatIsHeldAheadIsInNobodysWay,
		"a machine fails":      TestWhatIsHeldAheadCountsWhenTheMachineFailed,
		"held ahead, rights":   TestUnderWhatIsHeldAheadRightsAndUsesHold,
		"listed and summed up": TestWhoSeesWhichRequests,
	} {
		t.Run(name, test)
	}
}

// prices have a model that costs a dollar for a thousand tokens, one that thinks unseen, and
// one that embeds.
const prices = `{"providers": {"test": {
	"plain": {"input": 1000, "cache_read": 100, "output": 1000, "max_output": 1000, "all_shown": true},
	"thinks": {"input": 1000, "output": 1000, "max_output": 1000},
	"embeds": {"input": 1000}}}}`

// bench is a world with an agent, and ledgers of nodes.
type bench struct {
	*world.World
	t     *testing.T
	owner policy.Principal
	agent policy.Principal
}

func open(t *testing.T) *bench {
	b := &bench{World: world.Open(t), t: t}
	b.owner = b.Owner("ada")
	b.agent = b.Agent(b.owner)
	return b
}

func (b *bench) ledger(on *world.World, change ...func(*spend.Config)) *spend.Ledger {
	b.t.Helper()
	table, err := spend.Prices()
	if err == nil {
		table, err = table.With([]byte(prices))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := spend.Config{Store: on.DB, Prices: table, Log: b.Logger(), Now: b.Clock.Now}
	for _, f := range change {
		f(&cfg)
	}
	return spend.New(cfg)
}

func plain(tokens int64) spend.Ask {
	return spend.Ask{Provider: "test", Model: "plain", MaxTokens: tokens}
}

func (b *bench) begin(l *spend.Ledger, lim spend.Limits, a spend.Ask) (*spend.Reservation, error) {
	return take(b.t.Context(), l, b.Call(b.agent, policy.ReadActivity), lim, a)
}

// take begins a request and takes what it needs.
func take(ctx context.Context, l *spend.Ledger, c *call.Call, lim spend.Limits, a spend.Ask) (*spend.Reservation, error) {
	r, err := l.Begin(c, lim, a)
	if err == nil && r.Counted() {
		err = r.Take(ctx, nil, nil)
	}
	return r, err
}

func (b *bench) began(l *spend.Ledger, lim spend.Limits, a spend.Ask) *spend.Reservation {
	b.t.Helper()
	r, err := b.begin(l, lim, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) settle(r *spend.Reservation, u convo.Usage, e spend.End) {
	b.t.Helper()
	if err := settled(b.t.Context(), r, u, e); err != nil {
		b.t.Error(err)
	}
}

// settled settles a reservation and waits for what becomes of it.
func settled(ctx context.Context, r *spend.Reservation, u convo.Usage, e spend.End) error {
	done := make(chan error, 1)
	r.Settle(ctx, u, e, func(err error) { done <- err })
	return <-done
}

// day is what the agent has used today.
func (b *bench) day() (d spend.Day) {
	b.t.Helper()
	dbkit.Scan(b.t, b.DB, `SELECT COALESCE(CAST(SUM(requests) AS BIGINT), 0), COALESCE(CAST(SUM(spent) AS BIGINT), 0), COALESCE(CAST(SUM(held) AS BIGINT), 0) FROM shroud_days WHERE agent_id = $1 AND day = $2`,
		[]any{b.agent.ID, b.Clock.Now().Unix() / 86400}, &d.Requests, &d.Spent, &d.Held)
	return d
}

func (b *bench) used(what, spent, held string) {
	b.t.Helper()
	if d := b.day(); d.Spent.String() != spent || d.Held.String() != held {
		b.t.Errorf("%s: $%s are spent and $%s held, want %s and %s", what, d.Spent, d.Held, spent, held)
	}
}

func (b *bench) count(table string) (n int) {
	b.t.Helper()
	dbkit.Scan(b.t, b.DB, `SELECT COUNT(*) FROM `+table, nil, &n)
	return n
}

func (b *bench) requests() []activity.Request { return b.list(activity.Query{Limit: 500}) }

// told are the requests of the agent.
func (b *bench) told() []activity.Request {
	return b.list(activity.Query{Agent: b.agent.ID, Limit: 500})
}

func (b *bench) list(q activity.Query) []activity.Request {
	b.t.Helper()
	s := activity.Service{Store: b.DB}
	out, _, err := s.List(b.t.Context(), b.Call(b.owner, policy.ReadActivity), q)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func code(t *testing.T, what string, err error, want string) {
	t.Helper()
	if fault.CodeOf(err) != want || err == nil {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func budget(dollars int64) spend.Limits {
	return spend.Limits{Budget: usd.Amount(dollars) * usd.Dollar}
}

func TestOfManyAtOnceSoManyGoOnAsThereIsRoomFor(t *testing.T) {
	b := open(t)
	nodes := []*spend.Ledger{b.ledger(b.World), b.ledger(b.OtherNode())}
	for name, lim := range map[string]spend.Limits{
		"budget": budget(10), "day": {PerDay: new(int64(10))}, "minute": {PerMinute: new(int64(10))}, "streams": {Streams: new(int64(10))},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t, b.agent = t, b.Agent(b.owner)
			var went, stopped atomic.Int64
			var racers sync.WaitGroup
			all := make(chan *spend.Reservation, 200)
			for i := range 200 {
				racers.Go(func() {
					a := plain(1000)
					a.Stream = true
					r, err := b.begin(nodes[i%2], lim, a)
					switch {
					case err == nil:
						went.Add(1)
						all <- r
					case fault.Is(err, fault.RateLimited):
						stopped.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			racers.Wait()
			if went.Load() != 10 || stopped.Load() != 190 {
				t.Fatalf("%d went on and %d were stopped, where there is room for 10", went.Load(), stopped.Load())
			}
			close(all)
			for r := range all { // at once again
				racers.Go(func() { b.settle(r, convo.Usage{Input: 100, Output: 400}, spend.End{}) })
			}
			racers.Wait()
			b.used("in the end", "5.00", "0.00")
			if n := b.count("shroud_open"); n != 0 || len(b.told()) != 10 {
				t.Errorf("%d are open still, and %d requests are told of", n, len(b.told()))
			}
		})
	}
}

func TestAReservationIsSettledOnce(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	r := b.began(l, budget(1), plain(1000))
	b.used("reserved", "0.00", "1.00")
	_, err := b.begin(l, budget(1), plain(1))
	code(t, "while it is reserved", err, "shroud_budget_reserved")
	var racers sync.WaitGroup
	for range 20 {
		racers.Go(func() { b.settle(r, convo.Usage{Output: 600}, spend.End{}) })
	}
	racers.Wait()
	b.used("settled", "0.60", "0.00")
	_, err = b.begin(l, budget(1), plain(401))
	code(t, "more than is left", err, "shroud_budget_exceeded")
	b.settle(b.began(l, budget(1), plain(400)), convo.Usage{Output: 400}, spend.End{})
	b.used("all", "1.00", "0.00")
	if got := b.requests(); len(got) != 2 {
		t.Errorf("%d requests", len(got))
	}
	b.Clock.Forward(24 * time.Hour)
	b.settle(b.began(l, budget(1), plain(1000)), convo.Usage{Output: 1}, spend.End{})
}

// A caller that is gone, an answer that broke off, a provider that says nothing: none of it is
// free.
func TestWhatIsCharged(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	for name, tc := range map[string]struct {
		model string
		usage convo.Usage
		end   spend.End
		cost  string
		basis activity.Basis
		act   activity.Action
	}{
		"what the provider bills":                {"plain", convo.Usage{Input: 50, CacheRead: 500, Output: 200}, spend.End{AnswerBytes: 800}, "0.30", activity.OfUsage, activity.Allowed},
		"more than was reserved":                 {"plain", convo.Usage{Output: 5000}, spend.End{}, "5.00", activity.OfUsage, activity.Allowed},
		"nothing is said":                        {"plain", convo.Usage{}, spend.End{AnswerBytes: 300}, "0.40", activity.OfBytes, activity.Allowed},
		"nothing is said, and it thinks":         {"thinks", convo.Usage{}, spend.End{AnswerBytes: 300}, "1.10", activity.Reservation, activity.Allowed},
		"an answer that costs nothing":           {"plain", convo.Usage{Input: 20}, spend.End{AnswerBytes: 300}, "0.32", activity.OfBytes, activity.Allowed},
		"the caller hung up":                     {"plain", convo.Usage{Input: 20, Output: 1}, spend.End{How: spend.HungUp, AnswerBytes: 300}, "0.32", activity.OfBytes, activity.Allowed},
		"the caller hung up, and it thinks":      {"thinks", convo.Usage{Input: 20, Output: 1}, spend.End{How: spend.HungUp, AnswerBytes: 300}, "1.10", activity.Reservation, activity.Allowed},
		"the caller hung up before anything":     {"plain", convo.Usage{}, spend.End{How: spend.HungUp}, "1.10", activity.Reservation, activity.Allowed},
		"the answer broke off":                   {"plain", convo.Usage{Input: 20, Output: 500}, spend.End{How: spend.Broken, AnswerBytes: 300}, "0.52", activity.OfBytes, activity.Failed},
		"more bytes than may be":                 {"plain", convo.Usage{}, spend.End{How: spend.Broken, AnswerBytes: 1 << 40}, "1.10", activity.OfBytes, activity.Failed},
		"more than was reserved before it broke": {"plain", convo.Usage{Input: 2000, Output: 1}, spend.End{How: spend.Broken, AnswerBytes: 3}, "2.001", activity.OfBytes, activity.Failed},
		"the provider refused it":                {"plain", convo.Usage{}, spend.End{How: spend.NotServed}, "0.00", activity.Free, activity.Failed},
		"a rule blocked it":                      {"plain", convo.Usage{}, spend.End{How: spend.NotServed, Request: activity.Request{Action: activity.Blocked}}, "0.00", activity.Free, activity.Blocked},
		"a rule blocked the answer":              {"plain", convo.Usage{Input: 1, Output: 1}, spend.End{Request: activity.Request{Action: activity.Blocked}}, "0.002", activity.OfUsage, activity.Blocked},
		"embeddings":                             {"embeds", convo.Usage{Input: 10}, spend.End{}, "0.01", activity.OfUsage, activity.Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t, b.agent = t, b.Agent(b.owner)
			a := spend.Ask{Provider: "test", Model: tc.model, InputBytes: 100, MaxTokens: 1000}
			b.settle(b.began(l, budget(100), a), tc.usage, tc.end)
			b.used(name, tc.cost, "0.00")
			got := b.told()
			if len(got) != 1 || got[0].Cost.String() != tc.cost || got[0].Basis != tc.basis || got[0].Action != tc.act {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A node that dies leaves its reservations open: another one counts them as spent.
func TestWhatADeadNodeHadCountsAsSpent(t *testing.T) {
	b := open(t)
	dead, well := b.ledger(b.World), b.ledger(b.OtherNode())
	a := plain(1000)
	a.Stream = true
	lim := spend.Limits{Budget: 10 * usd.Dollar, Streams: new(int64(2))}
	lost, kept := b.began(dead, lim, a), b.began(well, lim, a)
	_, err := b.begin(well, lim, a)
	code(t, "both streams are open", err, "shroud_streams")
	for range 4 { // the node that is well says so
		b.Clock.Forward(time.Minute)
		if err := well.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.used("after the lease", "1.00", "1.00")
	b.settle(b.began(well, lim, a), convo.Usage{Output: 1}, spend.End{}) // there is room for a stream
	b.settle(kept, convo.Usage{Output: 500}, spend.End{})
	b.settle(lost, convo.Usage{Output: 1}, spend.End{}) // it was not dead: what was counted stays
	b.used("in the end", "1.501", "0.00")
	var told []string
	for _, r := range b.requests() {
		told = append(told, string(r.Action)+" "+r.Cut+" $"+r.Cost.String()+" "+string(r.Basis))
	}
	slices.Sort(told)
	if want := []string{"allowed  $0.001 usage", "allowed  $0.50 usage", "lost node $1.00 reservation"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

func TestAClockThatIsSetBackGivesNothing(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	lim := spend.Limits{Budget: usd.Dollar, PerDay: new(int64(2))}
	b.settle(b.began(l, lim, plain(1000)), convo.Usage{Output: 900}, spend.End{})
	r := b.began(l, lim, plain(100))
	for _, d := range []time.Duration{-time.Hour, -3 * time.Hour, -time.Minute} {
		b.Clock.Forward(d)
		if err := l.Keep(t.Context()); err != nil {
			t.Error(err)
		}
		_, err := b.begin(l, lim, plain(1))
		code(t, "set back by "+d.String(), err, "shroud_requests_per_day")
		_, err = b.begin(l, budget(1), plain(1))
		code(t, "set back by "+d.String(), err, "shroud_budget_reserved")
	}
	b.settle(r, convo.Usage{Output: 100}, spend.End{})
	b.used("in the end", "1.00", "0.00")
	// It ran ahead: what counts in a minute is of a minute all the same.
	minute := spend.Limits{PerMinute: new(int64(1))}
	b.Clock.Forward(10 * time.Hour)
	b.began(l, minute, plain(1))
	b.Clock.Forward(-10 * time.Hour)
	b.began(l, minute, plain(1))
	_, err := b.begin(l, minute, plain(1))
	code(t, "a second one", err, "shroud_requests_per_minute")
}

func TestAnOrganisationThatIsErasedMeanwhile(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	stored := b.began(l, budget(10), plain(1000))
	free := b.began(l, spend.Limits{}, plain(1000))
	b.settle(b.began(l, budget(10), plain(1000)), convo.Usage{Output: 1}, spend.End{Request: activity.Request{
		Findings: []activity.Finding{{Detector: "pii", Effect: activity.EffectLogged, Count: 1}},
	}})
	err := b.DB.RemoveUser(t.Context(), account.Erasure{User: b.owner.ID, At: b.Clock.Now(), Note: dbkit.Event}, dbkit.Event(b.owner.Org))
	if err != nil {
		t.Fatal(err)
	}
	b.settle(stored, convo.Usage{Output: 5}, spend.End{})
	b.settle(free, convo.Usage{Output: 5}, spend.End{})
	b.Clock.Forward(time.Hour)
	if err := l.Keep(t.Context()); err != nil {
		t.Error(err)
	}
	for _, table := range []string{"shroud_open", "shroud_days", "shroud_seconds", "shroud_activity", "shroud_findings"} {
		if n := b.count(table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	_, err = b.begin(l, budget(10), plain(1))
	code(t, "a new one", err, "account_gone")
}

// A right that ended after the decision stops what it would reserve. What was reserved before is
// settled all the same.
func TestRightsThatEndMeanwhile(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	c := b.Call(b.agent, policy.ReadActivity)
	basis := &call.Basis{Org: b.agent.Org, Token: b.agent.TokenID, Epoch: b.DB.Seen(), Event: c.Event}
	ctx := basis.With(t.Context())
	r, err := take(ctx, l, c, budget(10), plain(1000))
	if err != nil {
		t.Fatal(err)
	}
	free, err := take(ctx, l, c, spend.Limits{}, plain(1000))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Agents.DeactivateAgent(t.Context(), b.Call(b.Here(b.owner), policy.DeactivateAgent), b.agent.ID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := take(ctx, l, c, budget(10), plain(1)); !errors.Is(err, call.ErrMoved) {
		t.Errorf("after the end of the right: %v", err)
	}
	b.used("held still", "0.00", "1.00")
	over, cancel := context.WithCancel(ctx) // the caller is gone, too
	cancel()
	for _, one := range []*spend.Reservation{r, free} {
		if err := settled(over, one, convo.Usage{Output: 300}, spend.End{How: spend.HungUp, AnswerBytes: 1}); err != nil {
			t.Error(err)
		}
	}
	b.used("settled", "0.30", "0.00")
	if n := len(b.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// A reservation and the event of its call are in one transaction: neither is there without the other.
func TestAReservationComesWithItsEvent(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	events := func() (n int) {
		dbkit.Scan(t, b.DB, `SELECT COUNT(*) FROM audit_events WHERE actor_id = $1`, []any{b.agent.ID}, &n)
		return n
	}
	before := events()
	taken := func(lim spend.Limits, use *vault.Taking) error {
		t.Helper()
		c := b.Call(b.agent, policy.CallModel)
		r, err := l.Begin(c, lim, plain(1000))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Take(t.Context(), use, c.Event)
		if c.Event.Committed != (err == nil) {
			t.Errorf("%v, and the event is committed: %v", err, c.Event.Committed)
		}
		if err != nil {
			b.settle(r, convo.Usage{}, spend.End{How: spend.NotServed}) // of what was refused nothing is told
		}
		return err
	}
	if err := taken(budget(1), nil); err != nil {
		t.Fatal(err)
	}
	code(t, "a dollar that is held", taken(budget(1), nil), "shroud_budget_reserved")
	code(t, "a version that was read as often as it may", taken(budget(9), &vault.Taking{Vault: "none", Path: "none", Version: 1, Limited: true}), "secret_gone")
	if n := events() - before; n != 1 || b.count("shroud_open") != 1 || len(b.requests()) != 0 {
		t.Errorf("%d events, %d reservations, %d requests", n, b.count("shroud_open"), len(b.requests()))
	}
}

func TestWithoutLimitsNothingIsWrittenBefore(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	tokens := spend.Limits{Tokens: new(int64(5))}
	one, two := b.began(l, spend.Limits{}, spend.Ask{Provider: "nobody", Model: "unknown"}), b.began(l, tokens, plain(0))
	for _, table := range []string{"shroud_open", "shroud_days", "shroud_seconds", "shroud_activity"} {
		if n := b.count(table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if one.AnswerTokens != 0 || two.AnswerTokens != 5 {
		t.Errorf("answers of %d and %d tokens", one.AnswerTokens, two.AnswerTokens)
	}
	b.settle(one, convo.Usage{Input: 3, Output: 4}, spend.End{})
	b.settle(two, convo.Usage{Input: 3, Output: 4}, spend.End{})
	got := b.requests()
	if len(got) != 2 || b.count("shroud_days") != 0 {
		t.Fatalf("%+v", got)
	}
	if got[0].Basis == got[1].Basis || got[0].RequestTokens != 3 || got[1].ResponseTokens != 4 {
		t.Errorf("%+v", got)
	}
	_, err := b.begin(l, spend.Limits{Tokens: new(int64(5))}, plain(6))
	code(t, "too long", err, "shroud_too_many_tokens")
	_, err = l.Begin(b.Call(b.owner, policy.ReadActivity), spend.Limits{}, plain(1))
	code(t, "a human", err, "shroud_for_agents")
}

// failing is a store that stores nothing for a while.
type failing struct {
	spend.Store
	down atomic.Bool
}

var errDown = fault.New(fault.Unavailable, "storage_unavailable", "")

func (f *failing) SettleSpend(ctx context.Context, o *spend.Open, r *activity.Request, lost time.Time) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.SettleSpend(ctx, o, r, lost)
}

func (f *failing) SettleLater(ctx context.Context, o *spend.Open, r *activity.Request, reserved bool, then func(error)) {
	if f.down.Load() {
		then(errDown)
		return
	}
	f.Store.SettleLater(ctx, o, r, reserved, then)
}

func (f *failing) NoteRequest(ctx context.Context, r *activity.Request) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.NoteRequest(ctx, r)
}

func TestWhatCanNotBeStoredIsStoredLater(t *testing.T) {
	b := open(t)
	f := &failing{Store: b.DB}
	l := b.ledger(b.World, func(c *spend.Config) { c.Store = f })
	r, free := b.began(l, budget(10), plain(1000)), b.began(l, spend.Limits{}, plain(1000))
	f.down.Store(true)
	for _, one := range []*spend.Reservation{r, free} {
		code(t, "while it is down", settled(t.Context(), one, convo.Usage{Output: 7}, spend.End{}), "storage_unavailable")
	}
	code(t, "still", l.Keep(t.Context()), "storage_unavailable")
	b.used("meanwhile", "0.00", "1.00")
	f.down.Store(false)
	for range 2 {
		if err := l.Keep(t.Context()); err != nil {
			t.Error(err)
		}
	}
	b.used("in the end", "0.007", "0.00")
	if n := len(b.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestWhatCanNeverBeStoredCountsAsReserved: a row that the database refuses is given up after some
// tries, and keeps nothing else from being stored, neither on its own node nor what a dead one left.
func TestWhatCanNeverBeStoredCountsAsReserved(t *testing.T) {
	b := open(t)
	gaveUp := 0
	count := func(c *spend.Config) { c.Unstored = func() { gaveUp++ } }
	l := b.ledger(b.World, count)
	dead := b.ledger(b.OtherNode())
	lim := budget(100)
	refused := []*spend.Reservation{b.began(l, lim, plain(1000)), b.began(l, spend.Limits{}, plain(1000)), b.began(dead, lim, plain(2000))}
	for _, r := range refused { // the database has a row of that id already
		dbkit.Exec(t, b.DB, `INSERT INTO shroud_activity SELECT $1, org_id, agent_id, provider, model, 'logged', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', 0, '', '', 1 FROM
			(SELECT 'o' AS org_id, 'a' AS agent_id, 'p' AS provider, 'm' AS model) AS x`, r.ID())
	}
	well := b.began(l, lim, plain(1000))
	for _, r := range refused[:2] {
		if err := settled(t.Context(), r, convo.Usage{Output: 7}, spend.End{}); err == nil {
			t.Error("it was stored")
		}
	}
	b.settle(well, convo.Usage{Output: 500}, spend.End{})
	b.Clock.Forward(4 * time.Minute)
	for n := range 8 {
		err := l.Keep(t.Context())
		if (err != nil) != (n < 4) {
			t.Errorf("round %d: %v", n, err)
		}
	}
	if gaveUp != 2 {
		t.Errorf("%d were given up", gaveUp)
	}
	b.used("in the end", "3.50", "0.00")
	if n := b.count("shroud_open"); n != 0 {
		t.Errorf("%d reservations are open", n)
	}
	cuts := map[string]int{}
	for _, r := range b.told() {
		cuts[r.Cut+" $"+r.Cost.String()]++
	}
	if want := map[string]int{"storage $1.00": 2, "node $2.00": 1, " $0.50": 1}; !maps.Equal(cuts, want) {
		t.Errorf("%v", cuts)
	}
	if n, latest, err := b.DB.UnstoredSpends(t.Context()); n != 2 || err != nil || latest.IsZero() {
		t.Errorf("%d, %v, %v", n, latest, err)
	}
}

// TestWhatCanBeStoredInNoWayIsGivenUp: an end is not tried again for ever, and is counted and logged when it is given up.
func TestWhatCanBeStoredInNoWayIsGivenUp(t *testing.T) {
	b := open(t)
	f, gaveUp := &failing{Store: b.DB}, 0
	l := b.ledger(b.World, func(c *spend.Config) {
		c.Store, c.Longest, c.Unstored = f, time.Hour, func() { gaveUp++ }
	})
	r, free := b.began(l, budget(10), plain(1000)), b.began(l, spend.Limits{}, plain(1000))
	f.down.Store(true) // for ends alone: all else is stored
	for _, one := range []*spend.Reservation{r, free} {
		code(t, "its end", settled(t.Context(), one, convo.Usage{Output: 7}, spend.End{}), "storage_unavailable")
	}
	for range 10 {
		b.Clock.Forward(time.Minute)
		code(t, "a try", l.Keep(t.Context()), "storage_unavailable")
	}
	if gaveUp != 0 {
		t.Errorf("%d were given up after ten minutes", gaveUp)
	}
	for range 130 {
		b.Clock.Forward(time.Minute)
		_ = l.Keep(t.Context()) // what is lost can't be settled either
	}
	if gaveUp != 2 {
		t.Errorf("%d were given up, not both", gaveUp)
	}
	f.down.Store(false)
	if err := l.Keep(t.Context()); err != nil {
		t.Error(err)
	}
	b.used("in the end", "1.00", "0.00")
	if n := b.count("shroud_open"); n != 0 || gaveUp != 2 {
		t.Errorf("%d reservations are open, %d ends were given up", n, gaveUp)
	}
}

// TestNoReservationOutlivesItsCallForLong: whatever has become of its end, on a node that lives.
func TestNoReservationOutlivesItsCallForLong(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World, func(c *spend.Config) { c.Longest = time.Hour })
	stream := plain(1000)
	stream.Stream = true
	b.began(l, spend.Limits{Budget: 100 * usd.Dollar, Streams: new(int64(1))}, stream)
	for minutes := 0; minutes < 130; minutes++ {
		b.Clock.Forward(time.Minute)
		if err := l.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if open := b.count("shroud_open"); open != 1 && minutes < 120 || minutes == 129 && open != 0 {
			t.Fatalf("after %d minutes %d are open", minutes, open)
		}
	}
}

func TestStreamsAreCountedOnAllNodes(t *testing.T) {
	b := open(t)
	here, there := b.ledger(b.World), b.ledger(b.OtherNode())
	stream := plain(1)
	stream.Stream = true
	lim := spend.Limits{Streams: new(int64(1))}
	r := b.began(here, lim, stream)
	_, err := b.begin(there, lim, stream)
	code(t, "on the other node", err, "shroud_streams")
	b.began(there, lim, plain(1)) // is none
	b.settle(r, convo.Usage{Output: 1}, spend.End{})
	b.settle(b.began(there, lim, stream), convo.Usage{Output: 1}, spend.End{})
	// Without a number each node has the usual one for itself.
	var open []*spend.Reservation
	for range spend.DefaultStreams {
		open = append(open, b.began(here, spend.Limits{}, stream))
	}
	_, err = b.begin(here, spend.Limits{}, stream)
	code(t, "the usual number", err, "shroud_streams")
	b.began(there, spend.Limits{}, stream)
	_, err = b.begin(here, spend.Limits{PerDay: new(int64(0))}, stream)
	code(t, "the usual number, with another limit", err, "shroud_streams")
	for range 2 { // the second time gives no place back, and leaves no other row
		b.settle(open[0], convo.Usage{}, spend.End{How: spend.HungUp})
	}
	for range 3 { // who is refused gives the place back
		_, err = b.begin(here, spend.Limits{PerDay: new(int64(0))}, stream)
		code(t, "refused for another limit", err, "shroud_requests_per_day")
	}
	b.began(here, spend.Limits{}, stream)
	_, err = b.begin(here, spend.Limits{}, stream)
	code(t, "in the end", err, "shroud_streams")
	if n := len(b.told()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestRequestsOfAMinuteAndOfADay(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	lim := spend.Limits{PerMinute: new(int64(2)), PerDay: new(int64(5))}
	for i, want := range []string{"", "", "shroud_requests_per_minute", "", "", "shroud_requests_per_minute", "", "shroud_requests_per_day"} {
		if i%3 == 0 {
			b.Clock.Forward(61 * time.Second)
		}
		_, err := b.begin(l, lim, plain(1))
		if want == "" && err != nil || want != "" && fault.CodeOf(err) != want {
			t.Errorf("%d: %v, want %s", i, err, want)
		}
		b.Clock.Forward(100 * time.Millisecond)
	}
	b.Clock.Forward(12 * time.Hour)
	b.began(l, lim, plain(1))
}

// TestWhatIsRefusedForItsTextCounts: to the minute and to the day, on all nodes, and never to the money.
func TestWhatIsRefusedForItsTextCounts(t *testing.T) {
	b := open(t)
	nodes := []*spend.Ledger{b.ledger(b.World), b.ledger(b.OtherNode())}
	lim := spend.Limits{PerMinute: new(int64(3)), PerDay: new(int64(5)), Budget: usd.Dollar}
	count := func(i int, want string) {
		t.Helper()
		err := nodes[i%2].Count(t.Context(), b.Call(b.agent, policy.CallModel), &lim)
		if want == "" && err != nil || want != "" && fault.CodeOf(err) != want {
			t.Errorf("%d: %v, want %q", i, err, want)
		}
	}
	count(0, "")
	count(1, "")
	b.settle(b.began(nodes[0], lim, plain(1)), convo.Usage{Output: 1}, spend.End{})
	count(0, "shroud_requests_per_minute")
	count(1, "shroud_requests_per_minute")
	_, err := b.begin(nodes[1], lim, plain(1))
	code(t, "one that may go on", err, "shroud_requests_per_minute")
	b.Clock.Forward(62 * time.Second)
	count(0, "")
	count(1, "")
	count(0, "shroud_requests_per_day")
	_, err = b.begin(nodes[0], lim, plain(1))
	code(t, "the day is full", err, "shroud_requests_per_day")
	b.used("by all of them", "0.001", "0.00")
	if d := b.day(); d.Requests != 5 {
		t.Errorf("%d requests", d.Requests)
	}
	other := spend.Limits{Budget: usd.Dollar, Streams: new(int64(1))}
	for range 9 {
		if err := nodes[0].Count(t.Context(), b.Call(b.agent, policy.CallModel), &other); err != nil {
			t.Errorf("without such limits: %v", err)
		}
	}
	if d := b.day(); d.Requests != 5 {
		t.Errorf("%d requests are counted that nothing bounds", d.Requests)
	}
	b.Clock.Forward(24 * time.Hour)
	lim = spend.Limits{PerMinute: new(int64(10))}
	errs := world.AtOnce(40, func(i int) error {
		return nodes[i%2].Count(t.Context(), b.Call(b.agent, policy.CallModel), &lim)
	})
	if n := world.Count(errs); n[""] != 10 || n["shroud_requests_per_minute"] != 30 {
		t.Errorf("at once: %v", n)
	}
}

func TestOldRowsAreForgotten(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	finds := spend.End{Request: activity.Request{Findings: []activity.Finding{{Detector: "pii", Effect: activity.EffectLogged, Count: 1}}}}
	b.settle(b.began(l, budget(10), plain(1)), convo.Usage{Output: 1}, finds)
	for range 13 { // a clock that jumps is not believed
		b.Clock.Forward(7 * 24 * time.Hour)
		if err := errors.Join(b.DB.NoteTime(t.Context()), l.Sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
		_ = b.DB.BelievesClock()
	}
	b.settle(b.began(l, budget(10), plain(1)), convo.Usage{Output: 1}, finds)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{"shroud_days": 1, "shroud_activity": 1, "shroud_findings": 1, "shroud_seconds": 1} {
		if n := b.count(table); n != want {
			t.Errorf("%d rows in %s, want %s", n, table, strconv.Itoa(want))
		}
	}
}

func TestWhoSeesWhichRequests(t *testing.T) {
	b := open(t)
	l := b.ledger(b.World)
	mia := b.Member(b.owner, "mia", policy.RoleMember)
	hers := b.Agent(mia, func(a *agent.Agent) { a.Name = "hers" })
	first := b.agent
	end := func(act activity.Action, f ...activity.Finding) spend.End {
		return spend.End{Request: activity.Request{
			Action: act, Findings: f, Latency: 1500 * time.Millisecond, Injection: 0.75, AnswerInjection: 0.125,
			PII: true, Violations: []string{"injection"}, Hosts: []string{"evil.test"},
		}}
	}
	b.settle(b.began(l, spend.Limits{}, plain(9)), convo.Usage{Input: 1, CacheRead: 2, CacheWrite: 3, Output: 4}, end(activity.Blocked,
		activity.Finding{Detector: "injection", Effect: activity.EffectBlocked, Count: 2}, activity.Finding{Detector: "pii", Effect: activity.EffectRedacted, Count: 1}))
	b.Clock.Forward(90 * time.Minute)
	b.agent = hers
	b.settle(b.began(l, spend.Limits{}, plain(9)), convo.Usage{Input: 1, Output: 4}, end(activity.Warned, activity.Finding{Detector: "pii", Effect: activity.EffectWarned, Count: 3}))
	b.settle(b.began(l, spend.Limits{}, plain(9)), convo.Usage{Input: 1, Output: 4}, spend.End{})
	s := activity.Service{Store: b.DB}
	for name, tc := range map[string]struct {
		who  policy.Principal
		q    activity.Query
		want int
	}{
		"the owner":                     {b.owner, activity.Query{}, 3},
		"the owner, one agent":          {b.owner, activity.Query{Agent: first.ID}, 1},
		"the owner, one action":         {b.owner, activity.Query{Action: activity.Warned}, 1},
		"a member, its own agents":      {mia, activity.Query{}, 2},
		"a member, another's agent":     {mia, activity.Query{Agent: first.ID}, 0},
		"an agent":                      {hers, activity.Query{}, 2},
		"an agent, itself":              {hers, activity.Query{Agent: hers.ID}, 2},
		"an agent, another":             {hers, activity.Query{Agent: first.ID}, 0},
		"the owner of another":          {b.Owner("bob"), activity.Query{}, 0},
		"the owner of another, by name": {b.Owner("bo"), activity.Query{Agent: first.ID}, 0},
	} {
		tc.q.Limit = 100
		got, total, err := s.List(t.Context(), b.Call(tc.who, policy.ReadActivity), tc.q)
		if err != nil || len(got) != tc.want || total != int64(tc.want) {
			t.Errorf("%s: %d of %d, %v; want %d", name, len(got), total, err, tc.want)
		}
	}
	page, total, err := s.List(t.Context(), b.Call(b.owner, policy.ReadActivity), activity.Query{Limit: 1, Offset: 2})
	if err != nil || total != 3 || len(page) != 1 {
		t.Fatalf("%+v, %d, %v", page, total, err)
	}
	r := page[0]
	if r.AgentName == "" || r.Latency != 1500*time.Millisecond || r.Injection != 0.75 || r.AnswerInjection != 0.125 || !r.PII || r.SecretsRedacted ||
		r.RequestTokens != 6 || r.CacheRead != 2 || r.CacheWrite != 3 || len(r.Findings) != 2 || r.Findings[0].Count != 2 ||
		!slices.Equal(r.Violations, []string{"injection"}) || !slices.Equal(r.Hosts, []string{"evil.test"}) {
		t.Errorf("%+v", r)
	}
	sum, err := s.SumUp(t.Context(), b.Call(b.owner, policy.ReadActivity), "1h")
	if err != nil || sum.Requests != 2 || sum.Before != 1 || sum.Blocked != 0 || sum.Agents != 1 || len(sum.Flagged) != 1 || len(sum.Detectors) != 1 ||
		sum.Detectors[0] != (activity.Detected{Detector: "pii", Warned: 3}) {
		t.Errorf("an hour: %+v, %v", sum, err)
	}
	sum, err = s.SumUp(t.Context(), b.Call(b.owner, policy.ReadActivity), "24h")
	if err != nil || sum.Requests != 3 || sum.Before != 0 || sum.Blocked != 1 || sum.Agents != 2 || len(sum.Flagged) != 2 || len(sum.Detectors) != 2 ||
		sum.Detectors[1] != (activity.Detected{Detector: "pii", Redacted: 1, Warned: 3}) || sum.Detectors[1].Detections() != 4 {
		t.Errorf("a day: %+v, %v", sum, err)
	}
	if sum, err = s.SumUp(t.Context(), b.Call(mia, policy.ReadActivity), ""); err != nil || sum.Requests != 2 || len(sum.Detectors) != 1 {
		t.Errorf("a member's day: %+v, %v", sum, err)
	}
	_, err = s.SumUp(t.Context(), b.Call(mia, policy.ReadActivity), "1y")
	code(t, "a period that there is not", err, "invalid_period")
	_, _, err = s.List(t.Context(), b.Call(mia, policy.ReadActivity), activity.Query{Action: "eaten"})
	code(t, "an action that there is not", err, "unknown_action")
}
