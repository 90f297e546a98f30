package billing_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// asks lets a request in and remembers it, with its number as status.
func (o *office) asks(n int) {
	o.t.Helper()
	p, err := o.Billing.Admit(o.t.Context(), o.ada.Org, o.Clock.Now(), false)
	o.must(err)
	p.Done(&billing.Event{PrincipalKind: policy.KindUser, PrincipalID: o.ada.ID, Method: "GET", Endpoint: "/v1/vaults/{vault_id}", Status: n, At: o.Clock.Now()})
}

func (o *office) history(limit int) []billing.Event {
	o.t.Helper()
	all, err := o.Billing.History(o.t.Context(), o.owner(), limit)
	o.must(err)
	return all
}

func TestTheHistoryHasTheLastRequests(t *testing.T) {
	o := open(t, 1)
	o.grant(100, 0)
	o.asks(0)
	o.asks(1)
	all := o.history(10)
	want := billing.Event{
		ID: all[0].ID, Org: o.ada.Org, PrincipalKind: policy.KindUser, PrincipalID: o.ada.ID, Method: "GET", Endpoint: "/v1/vaults/{vault_id}",
		Status: 1, Price: 1000, At: o.Clock.Now(),
	}
	if len(all) != 2 || all[0] != want || all[1].Price != 0 || all[1].Status != 0 {
		t.Errorf("got %+v, want %+v first", all, want)
	}
	// Between two flushes a node remembers the last 64.
	for i := range 70 {
		o.asks(i)
	}
	all = o.history(100)
	if len(all) != 66 {
		t.Fatalf("there are %d", len(all))
	}
	for i, e := range all[:64] {
		if e.Status != 69-i {
			t.Fatalf("the %d. is %d, want %d", i, e.Status, 69-i)
		}
	}
	for range 3 {
		for i := range 64 {
			o.asks(i)
		}
		o.flush()
	}
	if n := len(o.history(1000)); n != billing.MaxHistory {
		t.Errorf("the history has %d", n)
	}
	if n := len(o.history(3)); n != 3 {
		t.Errorf("asked for 3, got %d", n)
	}
	bob := o.Owner("bob")
	if theirs, err := o.Billing.History(t.Context(), o.Call(bob, policy.ReadBilling), 10); err != nil || len(theirs) != 0 {
		t.Errorf("another organisation sees %+v, %v", theirs, err)
	}
}

func TestMembersAndAgentsReadWhatIsUsed(t *testing.T) {
	o := open(t, 5)
	o.asks(0)
	for name, who := range map[string]policy.Principal{"the owner": o.ada, "a member": o.Member(o.ada, "bob", policy.RoleMember), "an agent": o.Agent(o.ada)} {
		c := o.Call(who, policy.ReadBilling)
		if r, err := o.Billing.Usage(t.Context(), c); err != nil || r.Month.Total != 1 || r.Caps.Requests != 5 || c.Event.ResourceID != o.ada.Org {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	c := o.Call(policy.Principal{}, policy.ReadBilling)
	_, usage := o.Billing.Usage(t.Context(), c)
	_, history := o.Billing.History(t.Context(), c, 1)
	_, sub := o.Billing.Subscription(t.Context(), c)
	_, balance := o.Billing.Balance(t.Context(), c)
	_, ledger := o.Billing.Transactions(t.Context(), c, 1, 0)
	for what, err := range map[string]error{"usage": usage, "history": history, "subscription": sub, "balance": balance, "ledger": ledger} {
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a stranger reads the %s: %v", what, err)
		}
	}
}

func TestASubscriptionTellsHowAnOrganisationStands(t *testing.T) {
	o := open(t, 5)
	o.grant(12, 0)
	o.asks(0)
	v := o.NewVault(o.ada, "main")
	o.Put(o.ada, v, "a", "1")
	o.Put(o.ada, v, "a", "2")
	o.Put(o.ada, v, "b", "1")
	o.Agent(o.ada)
	o.Member(o.ada, "bob", policy.RoleMember)
	s, err := o.Billing.Subscription(t.Context(), o.owner())
	if err != nil || s.Caps.Tier != billing.Free || s.Caps.Requests != 5 || s.Status != "active" || s.Interval != "" || s.Balance != 12 || s.Requests != 1 ||
		!s.Ends.Equal(o.Clock.Now().AddDate(0, 0, 365)) {
		t.Errorf("got %+v, %v", s, err)
	}
	if want := (billing.Resources{Vaults: 1, Secrets: 2, Agents: 1, Members: 2}); s.Resources != want {
		t.Errorf("it has %+v, want %+v", s.Resources, want)
	}
}

func TestLimitsAreThePlatforms(t *testing.T) {
	o := open(t, 5)
	ctx := t.Context()
	sponsored, not := true, false
	for name, tc := range map[string]struct {
		override int64
		code     string
	}{"zero": {0, ""}, "the largest": {math.MaxInt32, ""}, "one more": {math.MaxInt32 + 1, "invalid_limit"}, "below zero": {-1, "invalid_limit"}} {
		got, err := o.Billing.SetLimits(ctx, o.admin(), o.ada.Org, &tc.override, nil)
		world.WantCode(t, name, err, tc.code)
		if err == nil && (got.Override == nil || *got.Override != tc.override || got.Sponsored || got.Org != o.ada.Org) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got, err := o.Billing.SetLimits(ctx, o.admin(), o.ada.Org, nil, &sponsored); err != nil || got.Override != nil || !got.Sponsored {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := o.Billing.SetLimits(ctx, o.admin(), o.ada.Org, nil, nil); err != nil || !got.Sponsored {
		t.Errorf("nothing said of it: %+v, %v", got, err)
	}
	if got, err := o.Billing.SetLimits(ctx, o.admin(), o.ada.Org, nil, &not); err != nil || got.Sponsored {
		t.Errorf("got %+v, %v", got, err)
	}
	nobody := ids.New()
	n := int64(1)
	_, err := o.Billing.SetLimits(ctx, o.admin(), nobody, &n, nil)
	world.WantCode(t, "to set those of nobody", err, "org_not_found")
	_, err = o.Billing.Limits(ctx, o.admin(), nobody)
	world.WantCode(t, "those of nobody", err, "org_not_found")
	for name, who := range map[string]policy.Principal{"the owner": o.ada, "its agent": o.Agent(o.ada)} {
		_, read := o.Billing.Limits(ctx, o.Call(who, policy.ReadLimits), o.ada.Org)
		_, set := o.Billing.SetLimits(ctx, o.Call(who, policy.UpdateLimits), o.ada.Org, &n, nil)
		_, tier := o.Billing.SetTier(ctx, o.Call(who, policy.UpdateLimits), o.ada.Org, billing.Enterprise, 1)
		for what, err := range map[string]error{"read": read, "set": set, "change the tier": tier} {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s may %s: %v", name, what, err)
			}
		}
	}
}

func TestHowLongATierLasts(t *testing.T) {
	o := open(t, 5)
	o.Clock.Set(time.Date(2028, 2, 29, 10, 0, 0, 123_456_789, time.FixedZone("east", 3600)))
	for days, want := range map[int]string{
		0: "2029-02-28T09:00:00.123456Z", 1: "2028-03-01T09:00:00.123456Z", 366: "2029-03-01T09:00:00.123456Z", 3650: "2038-02-26T09:00:00.123456Z",
	} {
		ends, err := o.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, billing.Pro, days)
		if err != nil || ends.Format(time.RFC3339Nano) != want {
			t.Errorf("%d days end %s, %v, want %s", days, ends.Format(time.RFC3339Nano), err, want)
		}
	}
	for _, tc := range []struct {
		tier billing.Tier
		days int
	}{{billing.Pro, -1}, {billing.Pro, 3651}, {"gold", 1}, {"", 1}} {
		_, err := o.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, tc.tier, tc.days)
		world.WantCode(t, fmt.Sprint(tc), err, "invalid_tier")
	}
	_, err := o.Billing.SetTier(t.Context(), o.admin(), ids.New(), billing.Pro, 1)
	world.WantCode(t, "nobody's", err, "org_not_found")
}
