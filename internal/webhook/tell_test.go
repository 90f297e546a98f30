package webhook_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// A receiver is told of what it asked for, in the order of the log, signed, and as the
// log's readers see it.
func TestEventsAreToldInOrderAndSigned(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		r := receive(t, takes)
		o.happens(t, "secret.write") // before there was a hook
		h, key := o.hook(t, r.URL, "secret.*", "policy.create")
		stranger := &office{World: o.World, owner: o.Owner("stranger")}
		stranger.happens(t, "secret.write")
		events := o.happens(t, "secret.write", "vault.create", "secret.read", "policy.create", "policy.delete", "secret.delete")
		run(t, o.Webhooks)
		for _, i := range []int{0, 2, 3, 5} {
			c, ev := r.next(t), events[i]
			if c.ID != ev.ID || c.Type != ev.Action || c.Seq != ev.Seq || c.Org != o.owner.Org || c.Hook != h.ID || c.Missed != 0 {
				t.Errorf("told of %s, want %s", c.body, ev.Action)
			}
			if !c.signed(key) || c.signed(key+"x") || c.header.Get("X-Oneclaw-Delivery") != ev.ID {
				t.Errorf("headers %v", c.header)
			}
			row, _, err := o.DB.Event(t.Context(), ev.Org, ev.Seq)
			must(t, err)
			shown, err := httpapi.EventJSON(row, world.Email("owner"))
			must(t, err)
			var want, got map[string]any
			must(t, json.Unmarshal(shown, &want))
			must(t, json.Unmarshal(c.Event, &got))
			if len(got) < 10 || len(got) != len(want) || got["integrity_hash"] != want["integrity_hash"] || got["action"] != ev.Action ||
				got["actor_name"] != world.Email("owner") {
				t.Errorf("the event is %s, want %s", c.Event, shown)
			}
		}
		o.await(t, h.ID, func(h webhook.Hook) bool { return h.Told == events[5].Seq && h.Last.Status == http.StatusNoContent })
		if len(r.calls) != 0 {
			t.Errorf("one more call: %s", (<-r.calls).body)
		}
	})
}

// A receiver that fails is called with the same event again; after a day it is paused,
// says so, and goes on with what comes after somebody set it going.
func TestAReceiverThatFailsIsCalledAgainAndThenPaused(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		var status atomic.Int64
		status.Store(http.StatusInternalServerError)
		r := receive(t, func(told) int { return int(status.Load()) })
		h, _ := o.hook(t, r.URL, "secret.write")
		events := o.happens(t, "secret.write", "secret.write")
		run(t, o.Webhooks)
		if c := r.next(t); c.ID != events[0].ID {
			t.Errorf("told of %s", c.body)
		}
		failing := o.await(t, h.ID, func(h webhook.Hook) bool { return h.Attempts == 1 })
		if failing.FailingSince.IsZero() || !failing.PausedAt.IsZero() || failing.Last.Error != signedcall.BadStatus || failing.Last.Status != 500 {
			t.Errorf("failing: %+v", failing.State)
		}
		status.Store(http.StatusOK)
		o.Clock.Forward(3 * time.Second)
		for i := range events {
			if c := r.next(t); c.ID != events[i].ID {
				t.Errorf("call %d is of %s", i, c.body)
			}
		}
		o.await(t, h.ID, func(h webhook.Hook) bool {
			return h.Told >= events[1].Seq && h.Attempts == 0 && h.FailingSince.IsZero()
		})

		status.Store(http.StatusBadGateway)
		o.happens(t, "secret.write")
		r.next(t)
		o.await(t, h.ID, func(h webhook.Hook) bool { return h.Attempts == 1 })
		o.Clock.Forward(webhook.PauseAfter)
		r.next(t)
		o.await(t, h.ID, func(h webhook.Hook) bool { return !h.PausedAt.IsZero() && h.Active })
		status.Store(http.StatusOK)
		o.happens(t, "secret.write")
		o.Clock.Forward(time.Hour)
		_, err := o.Webhooks.Update(t.Context(), o.Call(o.Here(o.owner), policy.UpdateHook), h.ID, webhook.Change{Active: patch.Value(true)})
		must(t, err)
		later := o.happens(t, "secret.write")
		if c := r.next(t); c.ID != later[0].ID {
			t.Errorf("after the pause it was told of %s", c.body)
		}
		o.await(t, h.ID, func(h webhook.Hook) bool { return h.PausedAt.IsZero() && h.Told >= later[0].Seq })
	})
}

// More events than a receiver can take cost neither the log nor the disk: the oldest
// are left out, and the next call says how many.
func TestASlowReceiverMissesTheOldestAndIsToldHowMany(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		r := receive(t, takes)
		o.hook(t, r.URL, "secret.read", "vault.delete")
		o.crowd(t, "secret.read", webhook.MaxWaiting+600)
		last := o.happens(t, "vault.delete")[0]
		run(t, o.Webhooks)
		first := r.next(t)
		if first.Missed != 601 {
			t.Errorf("the first call says that %d are missing, want 601", first.Missed)
		}
		for at, n := first.Seq, 1; n < webhook.MaxWaiting; n++ {
			c := r.next(t)
			if c.Seq != at+1 || c.Missed != 0 {
				t.Fatalf("event %d with %d missing follows event %d", c.Seq, c.Missed, at)
			}
			if at = c.Seq; n == webhook.MaxWaiting-1 && c.ID != last.ID {
				t.Errorf("the last is %s", c.body)
			}
		}
	})
}

// Two nodes on one database tell of each event once.
func TestTwoNodesTellOfEachEventOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		if o.DSN == "" {
			return // SQLite has one node
		}
		r := receive(t, takes)
		h, _ := o.hook(t, r.URL, "secret.*", "vault.*")
		other := o.OtherNode(func(*world.Setup) {})
		run(t, o.Webhooks)
		run(t, other.Webhooks)
		var last *audit.Event
		seen := map[string]int{}
		for range 20 {
			for _, ev := range o.happens(t, "secret.write", "secret.read", "secret.delete", "vault.create", "vault.delete") {
				last = ev
			}
		}
		for len(seen) == 0 || seen[last.ID] == 0 {
			seen[r.next(t).ID]++
		}
		o.await(t, h.ID, func(h webhook.Hook) bool { return h.Told >= last.Seq })
		for range len(r.calls) {
			seen[(<-r.calls).ID]++
		}
		if len(seen) != 100 {
			t.Errorf("told of %d events, want 100", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("told %d times of %s", n, id)
			}
		}
	})
}

// Whoever ends a webhook while its receiver is told of a row of events, ends that.
func TestAWebhookThatIsRemovedIsToldNothingMore(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		var id atomic.Value
		removed := receive(t, func(told) int {
			if err := o.Webhooks.Remove(t.Context(), o.Call(o.owner, policy.DeleteHook), id.Load().(string)); err != nil {
				t.Error(err)
			}
			return http.StatusOK
		})
		h, _ := o.hook(t, removed.URL, "secret.write")
		id.Store(h.ID)
		stays := receive(t, takes)
		other, _ := o.hook(t, stays.URL, "secret.write")
		events := o.happens(t, "secret.write", "secret.write", "secret.write", "secret.write")
		run(t, o.Webhooks)
		removed.next(t)
		for range events {
			stays.next(t)
		}
		later := o.happens(t, "secret.write")[0]
		o.await(t, other.ID, func(h webhook.Hook) bool { return h.Told >= later.Seq })
		if n := len(removed.calls); n != 0 {
			t.Errorf("%d more calls after it was removed", n)
		}
		_, err := o.Webhooks.Get(t.Context(), o.Call(o.owner, policy.ReadHook), h.ID)
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("it is still there: %v", err)
		}
	})
}

// One organisation's receivers that hang keep nobody else's calls.
func TestReceiversThatHangKeepNobodyElse(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		hang := make(chan struct{})
		slow := receive(t, func(told) int { <-hang; return http.StatusOK })
		t.Cleanup(func() { close(hang) })
		for range webhook.Max {
			o.hook(t, slow.URL, "secret.write")
		}
		o.happens(t, "secret.write")
		run(t, o.Webhooks)
		other := &office{World: o.World, owner: o.Owner("other")}
		r := receive(t, takes)
		other.hook(t, r.URL, "secret.write")
		ev := other.happens(t, "secret.write")[0]
		if c := r.next(t); c.ID != ev.ID {
			t.Errorf("told of %s", c.body)
		}
	})
}

// A database that was put back from a backup calls nobody until somebody sets its webhooks
// going, and says then that its log is another one.
func TestARestoredDatabaseCallsNobodyUntilItIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		r := receive(t, takes)
		h, _ := o.hook(t, r.URL, "secret.write")
		off, _ := o.hook(t, r.URL, "secret.write")
		patched := func(id string, active bool) webhook.Hook {
			got, err := o.Webhooks.Update(t.Context(), o.Call(o.owner, policy.UpdateHook), id, webhook.Change{Active: patch.Field[bool]{Set: true, Value: active}})
			must(t, err)
			return got
		}
		patched(off.ID, false)
		before, err := o.DB.LogName(t.Context())
		must(t, err)
		o.happens(t, "secret.write")
		must(t, o.DB.Restored(t.Context(), 7, o.Clock.Now()))
		due, err := o.DB.DueHooks(t.Context(), o.Clock.Now().Add(time.Hour), 10)
		must(t, err)
		if len(due) != 0 {
			t.Errorf("due after the restore: %v", due)
		}
		paused := o.await(t, h.ID, func(h webhook.Hook) bool { return !h.PausedAt.IsZero() })
		still := o.await(t, off.ID, func(h webhook.Hook) bool { return !h.Active })
		if !paused.Restored() || !paused.Active || still.Restored() {
			t.Errorf("after the restore: %+v and %+v", paused.State, still.State)
		}
		if on := patched(h.ID, true); on.Restored() || !on.PausedAt.IsZero() {
			t.Errorf("set going: %+v", on.State)
		}
		ev := o.happens(t, "secret.write")[0]
		run(t, o.Webhooks)
		if c := r.next(t); c.ID != ev.ID || c.Log == "" || c.Log == before || c.Log != "0000000000000007" {
			t.Errorf("told of %s, in a log that was %s before", c.body, before)
		}
	})
}
