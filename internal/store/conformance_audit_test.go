package store_test

import (
	"crypto/ed25519"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

func (f *fixture) chain(t *testing.T) (rows []*audit.Row) {
	t.Helper()
	must(t, f.Walk(t.Context(), f.org, 0, func(r *audit.Row) bool {
		rows = append(rows, r)
		return true
	}))
	return rows
}

func testEvents(t *testing.T, f *fixture) {
	var all []*audit.Event
	actors, actions := []string{ids.New(), ids.New()}, []string{"secret.read", "secret.write", "vault.list"}
	for i := range 30 {
		ev := f.event()
		ev.At = moment.Add(time.Duration(i) * time.Minute)
		ev.ActorID, ev.Action, ev.ResourceType, ev.ResourceID = actors[i%2], actions[i%3], "secret", fmt.Sprint("r", i%5)
		ev.IP = "2001:db8::1"
		must(t, f.Append(t.Context(), ev))
		all = append(all, ev)
	}
	other := f.event()
	other.Org = ids.New()
	must(t, f.Append(t.Context(), other))

	slices.Reverse(all)
	for name, tc := range map[string]struct {
		q    audit.Query
		keep func(*audit.Event) bool
	}{
		"all":                      {audit.Query{Limit: 100}, func(*audit.Event) bool { return true }},
		"a limit":                  {audit.Query{Limit: 3}, func(e *audit.Event) bool { return e.Seq > 27 }},
		"an offset":                {audit.Query{Limit: 3, Offset: 2}, func(e *audit.Event) bool { return e.Seq > 25 && e.Seq <= 28 }},
		"by actor":                 {audit.Query{Limit: 100, ActorID: actors[0]}, func(e *audit.Event) bool { return e.ActorID == actors[0] }},
		"another's and only own":   {audit.Query{Limit: 100, ActorID: actors[0], OnlyActor: actors[1]}, func(*audit.Event) bool { return false }},
		"only own":                 {audit.Query{Limit: 100, OnlyActor: actors[1]}, func(e *audit.Event) bool { return e.ActorID == actors[1] }},
		"by resource":              {audit.Query{Limit: 100, ResourceID: "r3"}, func(e *audit.Event) bool { return e.ResourceID == "r3" }},
		"by one of two actions":    {audit.Query{Limit: 100, Actions: []string{"vault.list", "secret.read"}}, func(e *audit.Event) bool { return e.Action == "vault.list" || e.Action == "secret.read" }},
		"by action":                {audit.Query{Limit: 100, Actions: []string{"vault.list"}}, func(e *audit.Event) bool { return e.Action == "vault.list" }},
		"from and to, both in":     {audit.Query{Limit: 100, From: all[9].At, To: all[4].At}, func(e *audit.Event) bool { return e.Seq >= 21 && e.Seq <= 26 }},
		"before one":               {audit.Query{Limit: 100, BeforeSeq: 4}, func(e *audit.Event) bool { return e.Seq < 4 }},
		"everything at once":       {audit.Query{Limit: 1, ActorID: actors[0], Actions: []string{"secret.read"}, ResourceID: "r0", BeforeSeq: 30}, func(e *audit.Event) bool { return e.Seq == 1 }},
		"a filter that fits none":  {audit.Query{Limit: 100, Actions: []string{"secret"}}, func(*audit.Event) bool { return false }},
		"before the first of them": {audit.Query{Limit: 100, BeforeSeq: 1}, func(*audit.Event) bool { return false }},
	} {
		rows, err := f.Events(t.Context(), f.org, tc.q)
		must(t, err)
		var got, wanted []audit.Event
		for _, r := range rows {
			got = append(got, r.Event)
		}
		for _, e := range all {
			if tc.keep(e) {
				stored := *e
				stored.Details, stored.Committed = audit.Details{}, false // kept as text
				wanted = append(wanted, stored)
			}
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: got %+v, want %+v", name, got, wanted)
		}
	}
	if head, err := f.Head(t.Context(), f.org); err != nil || head != (audit.Head{Seq: 30, ID: all[0].ID, Hash: all[0].Hash}) {
		t.Errorf("the head is %+v, %v", head, err)
	}
	if head, err := f.Head(t.Context(), ids.New()); err != nil || head != (audit.Head{}) {
		t.Errorf("an empty chain ends at %+v, %v", head, err)
	}
	n := 0
	must(t, f.Walk(t.Context(), f.org, 10, func(r *audit.Row) bool {
		n++
		if r.Seq != 10+uint64(n) {
			t.Errorf("event %d of the walk is %d", n, r.Seq)
		}
		return n < 5
	}))
	if n != 5 {
		t.Errorf("the walk went on for %d events after it was told to stop at 5", n)
	}
}

// testOneTransaction: what is refused leaves no event, and what is written does.
func testOneTransaction(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	before := len(f.chain(t))
	refused := []*audit.Event{f.event(), f.event(), f.event(), f.event()}
	want(t, "a name", f.AddVault(t.Context(), f.newVault("v"), refused[0]), "vault_name_taken")
	want(t, "a version", f.PutVersion(t.Context(), f.org, version(v.ID, "p", 2), refused[1]), "stale_version")
	want(t, "a purge", f.Purge(t.Context(), v.ID, "p", refused[2]), "secret_not_found")
	want(t, "a policy", f.RemoveGrant(t.Context(), f.org, v.ID, ids.New(), refused[3]), "policy_not_found")
	for i, ev := range refused {
		if ev.Committed {
			t.Errorf("the event of refusal %d says that it is in the log", i)
		}
	}
	done := f.event()
	must(t, f.PutVersion(t.Context(), f.org, version(v.ID, "p", 1), done))
	rows := f.chain(t)
	if len(rows) != before+1 || rows[before].ID != done.ID || !done.Committed || done.Hash != rows[before].Hash {
		t.Errorf("%d events where there were %d; the last is %+v", len(rows), before, rows[len(rows)-1])
	}
	foreign := f.event()
	foreign.Org = ids.New()
	if err := f.PutVersion(t.Context(), f.org, version(v.ID, "q", 1), foreign); err == nil {
		t.Error("a write was recorded in another organisation's log")
	}
	if _, err := f.Latest(t.Context(), v.ID, "q"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a write without its event stayed: %v", err)
	}
}

func testCheckpoints(t *testing.T, f *fixture) {
	due := func(events uint64, before time.Time) audit.Head {
		t.Helper()
		heads, err := f.Unsigned(t.Context(), "", events, before)
		must(t, err)
		return heads[f.org]
	}
	long := moment.Add(-time.Hour)
	if h := due(1, moment); h != (audit.Head{}) {
		t.Errorf("an empty chain is due: %+v", h)
	}
	for range 3 {
		must(t, f.Append(t.Context(), f.event()))
	}
	head, err := f.Head(t.Context(), f.org)
	must(t, err)
	if h := due(1000, long); h != head {
		t.Errorf("a chain that was never signed: due is %+v, want %+v", h, head)
	}
	c := audit.Checkpoint{Org: f.org, Seq: 3, Hash: head.Hash, At: moment, KeyID: "audit:1", Signature: []byte("signature")}
	must(t, f.AddCheckpoint(t.Context(), c))
	again := c
	again.Signature = []byte("another")
	must(t, f.AddCheckpoint(t.Context(), again)) // the first stays
	if h := due(1, moment.Add(time.Hour)); h != (audit.Head{}) {
		t.Errorf("a chain that is signed to its end is due: %+v", h)
	}
	must(t, f.Append(t.Context(), f.event()))
	must(t, f.Append(t.Context(), f.event()))
	for name, tc := range map[string]struct {
		events uint64
		before time.Time
		due    bool
	}{
		"few events, signed a while ago":     {1000, moment.Add(time.Second), true},
		"few events, signed just then":       {1000, moment, false},
		"as many events, signed just then":   {2, moment, true},
		"fewer events than that, just then":  {3, moment, false},
		"one more event, signed just before": {1, long, true},
	} {
		if h := due(tc.events, tc.before); (h.Seq == 5) != tc.due {
			t.Errorf("%s: due is %+v", name, h)
		}
	}
	head, err = f.Head(t.Context(), f.org)
	must(t, err)
	second := audit.Checkpoint{Org: f.org, Seq: 5, Hash: head.Hash, At: moment.Add(time.Minute), KeyID: "audit:2", Signature: []byte{0, 255}}
	must(t, f.AddCheckpoint(t.Context(), second))
	points, err := f.Checkpoints(t.Context(), f.org, 0)
	must(t, err)
	same := func(a, b audit.Checkpoint) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
	if !slices.EqualFunc(points, []audit.Checkpoint{c, second}, same) {
		t.Errorf("checkpoints %+v", points)
	}
	if points, err = f.Checkpoints(t.Context(), ids.New(), 0); err != nil || len(points) != 0 {
		t.Errorf("another organisation has %v, %v", points, err)
	}
}

func testChain(t *testing.T, f *fixture) {
	const writers, each = 48, 25
	orgs := []string{f.org, ids.New(), ids.New()}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			last := uint64(0)
			for range each {
				ev := f.event()
				ev.Org = orgs[w%len(orgs)]
				if err := f.Append(t.Context(), ev); err != nil {
					t.Error(err)
				}
				if ev.Seq <= last || !ev.Committed {
					t.Errorf("event %d came after %d, committed is %v", ev.Seq, last, ev.Committed)
				}
				last = ev.Seq
			}
		})
	}
	wg.Wait()
	for _, org := range orgs {
		v := audit.NewVerifier(org, map[string]ed25519.PublicKey{})
		must(t, f.Walk(t.Context(), org, 0, v.Event))
		head, err := f.Head(t.Context(), org)
		must(t, err)
		if r := v.Finish(head); !r.OK || r.Events != writers*each/uint64(len(orgs)) {
			t.Errorf("the chain: %+v", r)
		}
	}
	if err := f.Check(t.Context()); err != nil {
		t.Errorf("the table: %v", err)
	}
}

// testOddText: PostgreSQL keeps no NUL and no broken UTF-8. Whatever an engine
// says to such text, it is no outage, and the next request is served.
func testOddText(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	for _, text := range []string{"a\x00b", "\xff\xfe", "\xed\xa0\x80", "ok\u2028\U0001F600'\";--"} {
		if _, err := f.Vault(t.Context(), text); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q as a vault's id: %v", text, err)
		}
		if _, err := f.Latest(t.Context(), v.ID, text); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q as a path: %v", text, err)
		}
		named := f.newVault(text)
		if err := f.AddVault(t.Context(), named, f.event()); err == nil {
			if got, err := f.Vault(t.Context(), named.ID); err != nil || got.Name != text {
				t.Errorf("%q as a name was kept as %q, %v", text, got.Name, err)
			}
		} else if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q as a name: %v", text, err)
		}
		must(t, f.Append(t.Context(), f.event()))
	}
}
