package billing_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// counted are the counts of the months that an office has asked in.
func (o *office) counted(at time.Time) int64 {
	o.t.Helper()
	now := o.Clock.Now()
	defer o.Clock.Set(now)
	o.Clock.Set(at)
	return o.usage().Total
}

func TestAMonthEndsAtMidnightUTC(t *testing.T) {
	o := open(t, 2)
	last := time.Date(2026, 11, 30, 23, 59, 59, 999_999_999, time.UTC)
	o.Clock.Set(last)
	o.admits("the last instant", 2)
	o.Clock.Set(last.Add(1))
	o.admits("the next month", 2)
	if was, is := o.counted(last), o.counted(last.Add(1)); was != 2 || is != 2 {
		t.Errorf("counted %d and %d", was, is)
	}
	// The zone of a clock changes nothing: it is the first of January there already.
	o.Clock.Set(time.Date(2027, 1, 1, 5, 0, 0, 0, time.FixedZone("ahead", 8*3600)))
	o.admits("in another zone", 0)
	for _, first := range []time.Time{
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2028, 2, 29, 23, 0, 0, 0, time.UTC), time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC),
	} {
		o.Clock.Set(first)
		o.admits(first.Format(time.DateOnly), 2)
	}
}

// What was counted before a month ended belongs to it, also when it is written later.
func TestCountsAreWrittenIntoTheirMonth(t *testing.T) {
	o := open(t, 5)
	november, december := time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 1, 0, 0, time.UTC)
	o.Clock.Set(november)
	for range 3 {
		o.must(o.admit())
	}
	o.Clock.Set(december)
	o.must(o.admit())
	o.flush()
	o.flush()
	if was, is := o.counted(november), o.counted(december); was != 3 || is != 1 {
		t.Errorf("counted %d and %d", was, is)
	}
}

// A clock that was ahead, and is set right, counts in the month that it is.
func TestAClockThatWasAheadCountsInItsMonthAgain(t *testing.T) {
	o := open(t, 4)
	for range 3 {
		o.must(o.admit())
	}
	ahead := nextYear()
	o.Clock.Set(ahead)
	o.must(o.admit())
	o.Clock.Set(o.start())
	o.admits("with the clock set right", 1)
	o.flush()
	if was, is := o.counted(o.start()), o.counted(ahead); was != 4 || is != 1 {
		t.Errorf("counted %d in the month that it is and %d in the other", was, is)
	}
	o.Clock.Set(ahead)
	o.admits("in the month to come", 3)
}

// A tier that ends while the clock is ahead holds again when it is set right.
func TestAClockThatWasAheadEndsNoTier(t *testing.T) {
	for name, ask := range map[string]func(o *office) billing.Caps{
		"at once": func(o *office) billing.Caps {
			p, err := o.Billing.Admit(o.t.Context(), o.ada.Org, o.Clock.Now(), false)
			o.must(err)
			return p.Caps
		},
		"after it was written": func(o *office) billing.Caps {
			o.flush()
			p, err := o.Billing.Admit(o.t.Context(), o.ada.Org, o.Clock.Now(), false)
			o.must(err)
			return p.Caps
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, 1000)
			_, err := o.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, billing.Pro, 3)
			o.must(err)
			_, err = o.Billing.SetLimits(t.Context(), o.admin(), o.ada.Org, nil, nil)
			o.must(err)
			tier := func(want billing.Tier) {
				t.Helper()
				if caps := ask(o); caps.Tier != want {
					t.Errorf("on the tier %s, want %s", caps.Tier, want)
				}
			}
			tier(billing.Pro)
			o.Clock.Forward(4 * 24 * time.Hour)
			tier(billing.Enterprise) // the server's default
			o.Clock.Forward(-4 * 24 * time.Hour)
			tier(billing.Pro)
		})
	}
}

func nextYear() time.Time { return time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC) }

func (o *office) start() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func TestATierEndsInItsInstant(t *testing.T) {
	o := open(t, 0)
	_, err := o.Billing.SetLimits(t.Context(), o.admin(), o.ada.Org, nil, nil)
	o.must(err)
	ends, err := o.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, billing.Pro, 1)
	if err != nil || !ends.Equal(o.Clock.Now().AddDate(0, 0, 1)) {
		t.Fatalf("it ends %s, %v", ends, err)
	}
	o.set(billing.DefaultTier, "free")
	for _, tc := range []struct {
		at   time.Time
		tier billing.Tier
	}{{ends.Add(-time.Microsecond), billing.Pro}, {ends, billing.Free}} {
		o.Clock.Set(tc.at)
		p, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
		if err != nil || p.Caps.Tier != tc.tier {
			t.Errorf("at %s: %s, %v", tc.at, p.Caps.Tier, err)
		}
		s, err := o.Billing.Subscription(t.Context(), o.Call(o.ada, policy.ReadBilling))
		if err != nil || s.Caps.Tier != tc.tier || s.Ends.IsZero() != (tc.tier == billing.Free) {
			t.Errorf("at %s: %+v, %v", tc.at, s, err)
		}
	}
}
