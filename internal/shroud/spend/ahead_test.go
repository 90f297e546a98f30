package spend_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// waiting is a store that counts which reservations waited for the disk.
type waiting struct {
	spend.Store
	waited, under atomic.Int64
}

func (w *waiting) ReserveSpend(ctx context.Context, o *spend.Open, decide func(spend.Counts) error, use *vault.Taking, ev *audit.Event, ahead *spend.Plan) error {
	w.waited.Add(1)
	return w.Store.ReserveSpend(ctx, o, decide, use, ev, ahead)
}

func (w *waiting) ReserveUnder(ctx context.Context, o *spend.Open, decide func(spend.Counts) error, use *vault.Taking, ev *audit.Event, ahead string) error {
	err := w.Store.ReserveUnder(ctx, o, decide, use, ev, ahead)
	if err == nil {
		w.under.Add(1)
	}
	return err
}

// alone is a ledger of a process that has the database alone, since the machine was booted.
func (b *bench) alone(boot string) (*spend.Ledger, *waiting) {
	var w *waiting
	l := b.ledger(b.World, func(c *spend.Config) {
		w = &waiting{Store: c.Store}
		c.Store, c.Boot = w, boot
	})
	return l, w
}

func (w *waiting) want(t *testing.T, what string, waited, under int64) {
	t.Helper()
	if w.waited.Load() != waited || w.under.Load() != under {
		t.Errorf("%s: %d waited for the disk and %d did not, want %d and %d", what, w.waited.Load(), w.under.Load(), waited, under)
	}
}

// Far from the limits one of many requests waits for the disk, and has more held than it needs: as much as those that follow
// may take before one waits again.
func TestFarFromTheLimitsFewRequestsWait(t *testing.T) {
	b := open(t)
	l, w := b.alone("this")
	lim := spend.Limits{Budget: 3200 * usd.Dollar, PerDay: new(int64(10_000))}
	all := []*spend.Reservation{b.began(l, lim, plain(1000))}
	b.used("the first", "0.00", "65.00") // 64 ahead of it
	for range 64 {
		all = append(all, b.began(l, lim, plain(1000)))
	}
	w.want(t, "64 after one", 1, 64)
	all = append(all, b.began(l, lim, plain(1000)))
	w.want(t, "and one more", 2, 64)
	all = append(all, b.began(l, lim, plain(1000)))
	w.want(t, "after that", 2, 65)
	all = append(all, b.began(l, lim, plain(1_000_000))) // more than is held ahead
	w.want(t, "a large one", 3, 65)
	b.Clock.Forward(time.Minute)
	all = append(all, b.began(l, lim, plain(1000)))
	w.want(t, "a minute later", 4, 65)
	for _, r := range all {
		b.settle(r, convo.Usage{Output: 500}, spend.End{})
	}
	b.used("settled", "34.50", "64.00")
	if d := b.day(); d.Requests != int64(len(all)) || len(b.told()) != len(all) {
		t.Errorf("%d requests are counted and %d told of", d.Requests, len(b.told()))
	}
	b.Clock.Forward(4 * time.Minute)
	if err := l.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.used("when nobody asks any more", "34.50", "0.00")
	b.settle(b.began(l, lim, plain(1000)), convo.Usage{Output: 500}, spend.End{})
	w.want(t, "after that", 5, 65)
}

// What is held ahead is in nobody's way: exactly as many go on as there is room for, of any number at once.
func TestWhatIsHeldAheadIsInNobodysWay(t *testing.T) {
	b := open(t)
	for name, tc := range map[string]struct {
		lim  spend.Limits
		used int64 // requests of the day before the race; 0: those that were made
		room int64
	}{
		"budget":  {lim: budget(200), room: 195},
		"day":     {lim: spend.Limits{PerDay: new(int64(2000))}, used: 1900, room: 100},
		"minute":  {lim: spend.Limits{PerMinute: new(int64(100))}, room: 95},
		"streams": {lim: spend.Limits{Streams: new(int64(100)), Budget: 1_000_000 * usd.Dollar}, room: 95},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t, b.agent = t, b.Agent(b.owner)
			l, w := b.alone("this")
			a := plain(1000)
			a.Stream = tc.lim.Streams != nil
			all := make(chan *spend.Reservation, 500)
			for range 5 {
				all <- b.began(l, tc.lim, a)
			}
			w.want(t, "before", 1, 4)
			if tc.used > 0 {
				dbkit.Exec(t, b.DB, `UPDATE shroud_days SET requests = 1900 WHERE agent_id = '`+b.agent.ID+`'`)
			}
			var went atomic.Int64
			var racers sync.WaitGroup
			for range 200 {
				racers.Go(func() {
					for range 2 {
						switch r, err := b.begin(l, tc.lim, a); {
						case err == nil:
							went.Add(1)
							all <- r
						case !fault.Is(err, fault.RateLimited):
							t.Error(err)
						}
					}
				})
			}
			racers.Wait()
			if went.Load() != tc.room {
				t.Errorf("%d went on, where there is room for %d", went.Load(), tc.room)
			}
			close(all)
			for r := range all {
				b.settle(r, convo.Usage{Output: 1000}, spend.End{})
			}
			if name == "budget" {
				b.used("all", "200.00", "0.00")
			}
		})
	}
}

// A process that is killed has lost nothing, and what it held ahead goes back. With a machine that fails all of it
// counts as spent: the requests under it may be lost.
func TestWhatIsHeldAheadCountsWhenTheMachineFailed(t *testing.T) {
	b := open(t)
	lim := spend.Limits{Budget: 3200 * usd.Dollar, PerDay: new(int64(10_000))}
	l, _ := b.alone("this")
	b.settle(b.began(l, lim, plain(1000)), convo.Usage{Output: 500}, spend.End{})
	b.used("held ahead", "0.50", "64.00")
	l, w := b.alone("this") // after kill -9
	b.settle(b.began(l, lim, plain(1000)), convo.Usage{Output: 500}, spend.End{})
	b.used("in the place of what the last process held", "1.00", "64.00")
	w.want(t, "the first of a process", 1, 0)
	l, _ = b.alone("this")
	if err := l.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.used("after kill -9", "1.00", "0.00")
	b.settle(b.began(l, lim, plain(1000)), convo.Usage{Output: 500}, spend.End{})
	b.used("again", "1.50", "64.00")
	l, _ = b.alone("another")
	before := b.day().Requests
	if err := l.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.used("after a failure of the machine", "65.50", "0.00")
	if d := b.day(); d.Requests != before+spend.AheadRequests {
		t.Errorf("%d requests count, and %d before", d.Requests, before)
	}
	lost := 0
	for _, r := range b.told() {
		if r.Action == "lost" && r.Cut == "node" && r.Provider == "unknown" {
			lost++
		}
	}
	if lost != 1 {
		t.Errorf("%d rows tell of it: %+v", lost, b.told())
	}
	if err := l.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.used("once", "65.50", "0.00")
}

// What can be used up is used up on the disk, and no request goes on after its right has ended.
func TestUnderWhatIsHeldAheadRightsAndUsesHold(t *testing.T) {
	b := open(t)
	l, w := b.alone("this")
	lim := budget(3200)
	b.began(l, lim, plain(1000))
	taken := func(use *vault.Taking, change func(*audit.Event)) error {
		t.Helper()
		c := b.Call(b.agent, policy.CallModel)
		change(c.Event)
		r, err := l.Begin(c, lim, plain(1000))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Take(t.Context(), use, c.Event)
		if c.Event.Committed != (err == nil) {
			t.Errorf("%v, and the event is committed: %v", err, c.Event.Committed)
		}
		return err
	}
	same := func(*audit.Event) {}
	if err := taken(&vault.Taking{Vault: "any", Path: "any", Version: 1}, same); err != nil {
		t.Fatal(err)
	}
	w.want(t, "a use that uses nothing up", 1, 1)
	code(t, "a version that was read as often as it may", taken(&vault.Taking{Vault: "none", Path: "none", Version: 1, Limited: true}, same), "secret_gone")
	w.want(t, "a limited use", 2, 1)
	if err := taken(&vault.Taking{}, func(ev *audit.Event) { ev.Details.Approval = "none" }); err == nil {
		t.Error("an approval that is not there is used")
	}
	w.want(t, "an approval", 3, 1)

	c := b.Call(b.agent, policy.CallModel)
	basis := &call.Basis{Org: b.agent.Org, Token: b.agent.TokenID, Epoch: b.DB.Seen(), Event: c.Event}
	if err := b.Agents.DeactivateAgent(t.Context(), b.Call(b.Here(b.owner), policy.DeactivateAgent), b.agent.ID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := take(basis.With(t.Context()), l, c, lim, plain(1000)); !errors.Is(err, call.ErrMoved) {
		t.Errorf("after the end of the right: %v", err)
	}
	w.want(t, "a right that ended", 3, 1)
}
