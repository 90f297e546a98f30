package checkout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const (
	created, updated, deleted = "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"

	day = 24 * time.Hour
)

// said is one event of a subscription.
type said struct {
	kind, price, status string
	end                 time.Duration // of the period, from now
	at                  int64
}

func TestSubscriptionEventsInAnyOrder(t *testing.T) {
	const free = "free active"
	for name, tc := range map[string]struct {
		events []said
		want   string
	}{
		"it begins":                {[]said{{created, "price_pro_m", "active", 30 * day, 10}}, "pro monthly active"},
		"a trial":                  {[]said{{created, "price_pro_y", "trialing", 14 * day, 10}}, "pro yearly trialing"},
		"not paid yet":             {[]said{{created, "price_pro_m", "incomplete", 30 * day, 10}}, free},
		"paid in the same second":  {[]said{{created, "price_pro_m", "incomplete", 30 * day, 10}, {updated, "price_pro_m", "active", 30 * day, 10}}, "pro monthly active"},
		"another tier":             {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {updated, "price_biz_m", "active", 30 * day, 20}}, "business monthly active"},
		"it ends":                  {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {deleted, "price_pro_m", "canceled", 30 * day, 20}}, free},
		"it ends as it begins":     {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {updated, "price_pro_m", "active", 30 * day, 10}, {deleted, "price_pro_m", "active", 30 * day, 10}}, free},
		"an end is final":          {[]said{{deleted, "price_pro_m", "canceled", 30 * day, 20}, {updated, "price_pro_m", "active", 30 * day, 30}}, free},
		"nobody pays in the end":   {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {updated, "price_pro_m", "unpaid", 60 * day, 20}}, free},
		"it is paused":             {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {updated, "price_pro_m", "paused", 60 * day, 20}}, free},
		"a price that is not ours": {[]said{{created, "price_else", "active", 30 * day, 10}}, free},
		"a price without a name":   {[]said{{created, "", "active", 30 * day, 10}}, free},
		"a status of a later API":  {[]said{{created, "price_pro_m", "active", 30 * day, 10}, {updated, "price_biz_m", "sleeping", 30 * day, 20}}, "pro monthly active"},
		"three days of grace":      {[]said{{created, "price_pro_m", "active", -3*day + time.Second, 10}}, "pro monthly active"},
		"no more than three":       {[]said{{created, "price_pro_m", "active", -3 * day, 10}}, free},
	} {
		for _, order := range []string{"forward", "backward"} {
			t.Run(name+", "+order, func(t *testing.T) {
				o := open(t, nowhere)
				o.Clock.Set(o.Clock.Now().Truncate(time.Second)) // as Stripe counts
				for range 2 {                                    // all of it again changes nothing
					for i := range tc.events {
						if order == "backward" {
							i = len(tc.events) - 1 - i
						}
						e := tc.events[i]
						o.delivered(fmt.Sprint("evt_", i), e.kind, e.at, o.subscription("sub_1", e.price, e.status, e.end))
					}
					if got := o.stands(); got != tc.want {
						t.Errorf("got %s, want %s", got, tc.want)
					}
				}
			})
		}
	}
}

func TestHowLongASubscriptionHolds(t *testing.T) {
	o := open(t, nowhere)
	o.Clock.Set(o.Clock.Now().Truncate(time.Second))
	start := o.Clock.Now()
	o.delivered("evt_1", created, start.Unix(), o.subscription("sub_1", "price_pro_m", "active", 30*day))
	// The end may be with the subscription, as older versions of the API have it.
	older := o.subscription("sub_2", "price_biz_m", "active", 0)
	older["current_period_end"] = start.Add(5 * day).Unix()
	older["items"].(object)["data"].([]object)[0]["current_period_end"] = 0
	o.delivered("evt_2", created, start.Unix(), older)
	for _, tc := range []struct {
		after time.Duration
		want  string
	}{
		{8*day - time.Microsecond, "business monthly active"}, {8 * day, "pro monthly active"}, // of two the higher one, as long as it lasts
		{33*day - time.Microsecond, "pro monthly active"}, {33 * day, "free active"},
	} {
		o.Clock.Set(start.Add(tc.after))
		if got := o.stands(); got != tc.want {
			t.Errorf("after %s: %s, want %s", tc.after, got, tc.want)
		}
	}
	// The period that follows a renewal that failed was not paid for.
	o.Clock.Set(start.Add(30 * day))
	o.delivered("evt_3", updated, o.Clock.Now().Unix(), o.subscription("sub_1", "price_pro_m", "past_due", 30*day))
	if got := o.stands(); got != "pro monthly past_due" {
		t.Errorf("when a renewal failed: %s", got)
	}
	o.Clock.Set(start.Add(33 * day))
	if got := o.stands(); got != "free active" {
		t.Errorf("three days later: %s", got)
	}
	o.delivered("evt_4", updated, o.Clock.Now().Unix(), o.subscription("sub_1", "price_pro_m", "active", 27*day))
	if got := o.stands(); got != "pro monthly active" {
		t.Errorf("when it was paid after all: %s", got)
	}
}

// An event of one organisation changes nothing of another's subscription.
func TestASubscriptionStaysItsOrganisations(t *testing.T) {
	o := open(t, nowhere)
	bob := o.Owner("bob")
	o.delivered("evt_1", created, 10, o.subscription("sub_1", "price_pro_m", "active", 30*day))
	if e := o.Last(o.ada.Org); e.Action != string(policy.BillingEvent) || e.Detail("outcome") != "success" {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	before := len(o.Events(o.ada.Org))
	for i, kind := range []string{updated, deleted} {
		stolen := o.subscription("sub_1", "price_biz_m", "active", 90*day)
		stolen["metadata"] = object{"oneclaw_org": bob.Org}
		o.delivered(fmt.Sprint("evt_stolen_", i), kind, 30, stolen)
	}
	s, err := o.Billing.Subscription(t.Context(), o.Call(bob, policy.ReadBilling))
	if err != nil || s.Caps.Tier != "free" || o.stands() != "pro monthly active" {
		t.Errorf("they are on %s and on %s, %v", s.Caps.Tier, o.stands(), err)
	}
	// What changes nothing leaves no event.
	o.delivered("evt_1", created, 10, o.subscription("sub_1", "price_pro_m", "active", 30*day))
	o.delivered("evt_old", updated, 5, o.subscription("sub_1", "price_biz_m", "active", 30*day))
	if n := len(o.Events(o.ada.Org)); n != before {
		t.Errorf("the log has %d events more", n-before)
	}
}

func TestManyEventsAtOnceEndWithTheLast(t *testing.T) {
	o := open(t, nowhere)
	plans := []string{"price_pro_m", "price_biz_m", "price_pro_y"}
	got := world.Count(world.AtOnce(9, func(i int) error {
		_, err := o.deliver(event(fmt.Sprint("evt_", i), updated, int64(100+i), o.subscription("sub_1", plans[i%3], "active", 30*day)))
		return err
	}))
	if got[""] != 9 || o.stands() != "pro yearly active" {
		t.Errorf("got %v and %s", got, o.stands())
	}
}
