package audit_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// What is counted, and what it is told apart by: ten events of each sort leave
// first events at once, and counts a minute later.
func TestWhatIsCountedTogether(t *testing.T) {
	orgs := []string{ids.New(), ids.New()}
	agent := ids.New()
	for name, tc := range map[string]struct {
		change         func(i int, ev *audit.Event)
		first, counted int
	}{
		"one account's failed logins":   {func(_ int, ev *audit.Event) { ev.Org, ev.Details.Target = orgs[0], "user:1" }, 1, 9},
		"of two organisations":          {func(i int, ev *audit.Event) { ev.Org = orgs[i%2] }, 2, 8},
		"of two accounts":               {func(i int, ev *audit.Event) { ev.Org, ev.Details.Target = orgs[0], fmt.Sprint("user:", i%2) }, 2, 8},
		"of two names without accounts": {func(i int, ev *audit.Event) { ev.CoalesceKey = fmt.Sprint(i % 2) }, 2, 8},
		"one network":                   {func(i int, ev *audit.Event) { ev.IP = fmt.Sprint("2001:db8:0:1::", i) }, 1, 9},
		"two networks":                  {func(i int, ev *audit.Event) { ev.IP = fmt.Sprintf("2001:db8:0:%d::%d", i%2, i) }, 2, 8},
		"a known caller":                {func(_ int, ev *audit.Event) { ev.Org, ev.ActorID = orgs[0], agent }, 10, 0},
		"a known caller who comes too soon, from anywhere": {func(i int, ev *audit.Event) {
			ev.Org, ev.ActorID, ev.IP, ev.Details.Reason = orgs[0], agent, fmt.Sprint("192.0.2.", i), "rate_limited"
		}, 1, 9},
		"two callers who come too soon": {func(i int, ev *audit.Event) {
			ev.Org, ev.ActorID, ev.Details.Reason = orgs[0], fmt.Sprint(agent, i%2), "rate_limited"
		}, 2, 8},
		"a caller who comes too soon for two things": {func(i int, ev *audit.Event) {
			ev.Org, ev.ActorID, ev.Details.Reason, ev.Action = orgs[0], agent, "rate_limited", fmt.Sprint("secret.", i%2)
		}, 2, 8},
	} {
		t.Run(name, func(t *testing.T) {
			log := &sink{}
			c := audit.NewCoalescer(log, func() time.Time { return moment }, slog.New(slog.DiscardHandler))
			sent := map[string]bool{}
			for i := range 10 {
				ev := &audit.Event{ID: ids.New(), Org: audit.SystemOrg, At: moment, Action: "auth.failure", IP: "192.0.2.1", Details: audit.Details{Reason: "wrong_password"}}
				tc.change(i, ev)
				sent[ev.Org+ev.ActorID+ev.Details.Target+ev.Action] = true
				if err := c.Append(t.Context(), ev); err != nil || !ev.Committed {
					t.Fatalf("%v, committed %v", err, ev.Committed)
				}
			}
			if len(log.events) != tc.first {
				t.Errorf("%d events at once, want %d", len(log.events), tc.first)
			}
			c.Flush(t.Context(), moment.Add(time.Minute))
			counted := 0
			for _, e := range log.events {
				counted += int(e.Details.Count)
				if !sent[e.Org+e.ActorID+e.Details.Target+e.Action] {
					t.Errorf("nobody sent %+v", e)
				}
			}
			if counted != tc.counted {
				t.Errorf("%d counted, want %d", counted, tc.counted)
			}
		})
	}
}

// Beyond what is told apart an organisation still sees how much there was, and
// beyond that only the operator does.
func TestTooManyKindsAreCountedByOrganisation(t *testing.T) {
	log := &sink{}
	c := audit.NewCoalescer(log, func() time.Time { return moment }, slog.New(slog.DiscardHandler))
	try := func(org, ip, target string) {
		t.Helper()
		ev := &audit.Event{ID: ids.New(), Org: org, At: moment, Action: "auth.failure", IP: ip, Details: audit.Details{Reason: "wrong_password", Target: target}}
		if err := c.Append(t.Context(), ev); err != nil || !ev.Committed {
			t.Fatalf("%v, committed %v", err, ev.Committed)
		}
	}
	org := ids.New()
	for i := range 5000 {
		try(org, fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&0xff), "user:1")
	}
	for range 20_000 {
		try(ids.New(), "192.0.2.1", "user:2")
	}
	if len(log.events) > 2*4096+1 {
		t.Errorf("%d events at once", len(log.events))
	}
	at := len(log.events)
	c.Flush(t.Context(), moment.Add(time.Minute))
	got := map[string]uint64{}
	for _, e := range log.events[at:] {
		got[e.Org] += e.Details.Count
		if e.IP != "" || e.Details.Target != "" || e.Details.Reason != "many_addresses" || e.ActorKind != "anonymous" {
			t.Errorf("%+v", e)
		}
	}
	if len(got) != 2 || got[org] != 5000-4096-1 || int(got[org]+got[audit.SystemOrg])+at != 25_000 {
		t.Errorf("counts %v after %d events", got, at)
	}
}
