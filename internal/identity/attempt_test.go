package identity_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

func TestWhichCountersHold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	g := identity.Attempt{Here: identity.Counter{ID: "here"}, Others: []identity.Counter{{ID: "account"}, {ID: "network"}}}
	for name, c := range map[string]struct {
		standing map[string]identity.Standing
		hold     int
		wait     time.Duration
	}{
		"nothing is known":                 {nil, 3, 0},
		"one bars":                         {map[string]identity.Standing{"account": {Barred: in(time.Minute)}}, 3, time.Minute},
		"the longest of several":           {map[string]identity.Standing{"here": {Barred: in(time.Second)}, "network": {Barred: in(time.Hour)}}, 3, time.Hour},
		"a bar that is over":               {map[string]identity.Standing{"here": {Barred: now}}, 3, 0},
		"a trusted network, barred others": {map[string]identity.Standing{"here": {Trusted: in(1)}, "account": {Barred: in(time.Hour)}}, 1, 0},
		"a trusted network that is barred": {map[string]identity.Standing{"here": {Trusted: in(1), Barred: in(time.Minute)}}, 1, time.Minute},
		"trust that is over":               {map[string]identity.Standing{"here": {Trusted: now}, "account": {Barred: in(time.Hour)}}, 3, time.Hour},
		"trust in another counter is none": {map[string]identity.Standing{"account": {Trusted: in(time.Hour)}, "network": {Barred: in(time.Hour)}}, 3, time.Hour},
	} {
		hold, wait := g.Against(c.standing, now)
		if len(hold) != c.hold || hold[0].ID != "here" || max(wait, 0) != c.wait {
			t.Errorf("%s: %d counters, wait %v; want %d, %v", name, len(hold), wait, c.hold, c.wait)
		}
	}
}
