package checkout_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/checkout"
)

func TestWhatFollowsOnASubscription(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
	said := func(status string, n int64, live time.Time) checkout.Subscription {
		return checkout.Subscription{ID: "sub", Org: "org", Status: status, Said: n, LiveUntil: live}
	}
	active := said("active", 5, at(9))
	for name, c := range map[string]struct {
		was, is checkout.Subscription
		follows bool
		live    time.Time
	}{
		"something later":              {active, said("active", 6, at(12)), true, at(12)},
		"something of the same moment": {active, said("active", 5, at(12)), true, at(12)},
		"something earlier":            {active, said("active", 4, at(12)), false, at(9)},
		"an end":                       {active, said("canceled", 6, time.Time{}), true, time.Time{}},
		"an end from before":           {active, said("canceled", 4, time.Time{}), true, time.Time{}},
		"one that was never paid for":  {active, said("incomplete_expired", 4, time.Time{}), true, time.Time{}},
		"life after an end":            {said("canceled", 5, time.Time{}), said("active", 6, at(12)), false, time.Time{}},
		"an end after an end":          {said("incomplete_expired", 5, time.Time{}), said("canceled", 6, time.Time{}), false, time.Time{}},
		"past due after what was paid": {active, said("past_due", 6, at(7)), true, at(9)},
		"past due after nothing paid":  {said("incomplete", 5, time.Time{}), said("past_due", 6, at(7)), true, at(7)},
		"another organisation's":       {active, checkout.Subscription{ID: "sub", Org: "other", Status: "active", Said: 6, LiveUntil: at(12)}, false, at(9)},
	} {
		if got, follows := c.is.After(&c.was); follows != c.follows || !got.LiveUntil.Equal(c.live) {
			t.Errorf("%s: %v, live until %v; want %v, %v", name, follows, got.LiveUntil, c.follows, c.live)
		}
	}
	if got, follows := active.After(nil); !follows || got != active {
		t.Errorf("the first word: %+v, %v", got, follows)
	}
}
