package billing_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const day = 24 * time.Hour

func (o *office) ledger() []billing.Entry {
	o.t.Helper()
	all, err := o.Billing.Transactions(o.t.Context(), o.owner(), 100, 0)
	o.must(err)
	return all
}

// amounts are the ledger's, newest first. The balance after each must fit.
func (o *office) amounts() []int64 {
	o.t.Helper()
	all := o.ledger()
	var out []int64
	sum := int64(0)
	for _, e := range slices.Backward(all) {
		if sum += e.Amount; e.Balance != sum {
			o.t.Errorf("after %d the balance is %d, want %d", e.Amount, e.Balance, sum)
		}
	}
	for _, e := range all {
		out = append(out, e.Amount)
	}
	return out
}

func (o *office) balance() billing.Balance {
	o.t.Helper()
	b, err := o.Billing.Balance(o.t.Context(), o.owner())
	o.must(err)
	return b
}

func TestTheBoundsOfAGrant(t *testing.T) {
	o := open(t, 0)
	for name, tc := range map[string]struct {
		cents       int64
		days        int
		description string
		code        string
	}{
		"nothing":                  {0, 0, "", "invalid_amount"},
		"a debt":                   {-1, 0, "", "invalid_amount"},
		"the smallest":             {1, 1, "", ""},
		"the largest":              {10_000_000, 3650, "", ""},
		"more":                     {10_000_001, 0, "", "invalid_amount"},
		"the largest number":       {math.MaxInt64, 0, "", "invalid_amount"},
		"days below zero":          {1, -1, "", "invalid_amount"},
		"more than ten years":      {1, 3651, "", "invalid_amount"},
		"200 characters":           {1, 0, strings.Repeat("é", 200), ""},
		"201 characters":           {1, 0, strings.Repeat("é", 201), "invalid_description"},
		"a description of 2 lines": {1, 0, "a\nb", "invalid_description"},
		"bytes that are no text":   {1, 0, "\xff", "invalid_description"},
	} {
		before := len(o.ledger())
		e, err := o.Billing.Grant(t.Context(), o.admin(), o.ada.Org, tc.cents, tc.description, tc.days)
		world.WantCode(t, name, err, tc.code)
		if tc.code != "" {
			if !fault.Is(err, fault.Invalid) || len(o.ledger()) != before {
				t.Errorf("%s: %v, and the ledger has %d rows", name, err, len(o.ledger()))
			}
			continue
		}
		if e.Amount != tc.cents || e.Type != billing.Granted || e.ID == "" || !e.At.Equal(o.Clock.Now()) {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	e, err := o.Billing.Grant(t.Context(), o.admin(), o.ada.Org, 1, " \t ", 0)
	if err != nil || e.Description != "Granted by the platform" {
		t.Errorf("got %+v, %v", e, err)
	}
	_, err = o.Billing.Grant(t.Context(), o.admin(), ids.New(), 1, "", 0)
	world.WantCode(t, "an organisation that is not there", err, "org_not_found")
	o.amounts() // the balances fit
}

func TestOnlyThePlatformGrants(t *testing.T) {
	o := open(t, 0)
	for name, who := range map[string]policy.Principal{"the owner": o.ada, "its agent": o.Agent(o.ada), "a stranger": {}} {
		c := o.Call(who, policy.UpdateLimits)
		c.Who.Org = o.ada.Org
		if _, err := o.Billing.Grant(t.Context(), c, o.ada.Org, 1, "", 0); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
		if c.Event.ResourceID != o.ada.Org || c.Event.Committed {
			t.Errorf("%s: the event is %+v", name, c.Event)
		}
	}
	if all := o.ledger(); len(all) != 0 {
		t.Errorf("the ledger has %+v", all)
	}
	o.grant(7, 0)
	if e := o.Last(o.boss.Org); e.Action != string(policy.UpdateLimits) || e.ResourceID != o.ada.Org || e.Detail("outcome") != audit.Success || e.Detail("reason") != "platform_admin" {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
}

func TestWhenCreditsEnd(t *testing.T) {
	o := open(t, 0)
	if b := o.balance(); b != (billing.Balance{}) {
		t.Errorf("at first there is %+v", b)
	}
	start := o.Clock.Now()
	for cents, days := range map[int64]int{1: 29, 10: 30, 100: 89, 1000: 90} {
		o.grant(cents, days)
	}
	want := billing.Balance{Cents: 1111, Within30: 1, Within90: 111, EarliestExpiry: start.Add(29 * day)}
	if b := o.balance(); b != want {
		t.Errorf("got %+v, want %+v", b, want)
	}
	o.Clock.Set(start.Add(29*day - time.Microsecond))
	want = billing.Balance{Cents: 1111, Within30: 11, Within90: 1111, EarliestExpiry: start.Add(29 * day)}
	if b := o.balance(); b != want {
		t.Errorf("in the last instant: %+v, want %+v", b, want)
	}
	o.Clock.Set(start.Add(29 * day))
	want = billing.Balance{Cents: 1110, Within30: 10, Within90: 1110, EarliestExpiry: start.Add(30 * day)}
	if b := o.balance(); b != want {
		t.Errorf("when the first ended: %+v, want %+v", b, want)
	}
	if all := o.ledger(); all[0].Type != billing.Expired || all[0].Amount != -1 || all[0].Balance != 1110 {
		t.Errorf("the ledger has %+v", all[0])
	}
	o.Clock.Set(start.Add(90 * day))
	if b := o.balance(); b != (billing.Balance{}) {
		t.Errorf("when all ended: %+v", b)
	}
	o.amounts()
	o.admits("with credits that ended", 0)
}

// Credits that end first are spent first, and what was spent in time has not expired.
func TestCreditsThatEndFirstAreSpentFirst(t *testing.T) {
	o := open(t, 0)
	o.grant(2, 60)
	o.grant(3, 10)
	for range 40 {
		o.must(o.admit())
	}
	if got := o.amounts(); !slices.Equal(got, []int64{-4, 3, 2}) {
		t.Errorf("the ledger is %v", got)
	}
	o.Clock.Forward(10 * day)
	if got := o.amounts(); !slices.Equal(got, []int64{-4, 3, 2}) {
		t.Errorf("after the end of the first lot: %v", got)
	}
	// What was admitted before an end and written after it is paid from what ended.
	o = open(t, 0)
	o.grant(2, 1)
	o.grant(5, 60)
	for range 20 {
		o.must(o.admit())
	}
	o.Clock.Forward(day)
	if b := o.balance(); b.Cents != 5 {
		t.Errorf("there is %+v", b)
	}
	if got := o.amounts(); !slices.Equal(got, []int64{-2, 5, 2}) {
		t.Errorf("the ledger is %v", got)
	}
}

func TestAReferenceIsCreditedOnce(t *testing.T) {
	o := open(t, 0)
	bob := o.Owner("bob")
	credit := func(org, reference string) error {
		c := o.Call(policy.Principal{}, policy.BillingEvent)
		c.Event.Org = org
		_, err := o.Billing.Credit(t.Context(), billing.Entry{Org: org, Type: billing.ToppedUp, Amount: 500, Reference: reference, At: c.Now}, 30, c.Event)
		return err
	}
	orgs := []string{o.ada.Org, bob.Org}
	got := world.Count(world.AtOnce(8, func(i int) error { return credit(orgs[i%2], "stripe:cs_1") }))
	if got[""] != 1 || got["already_credited"] != 7 {
		t.Errorf("got %v", got)
	}
	world.WantCode(t, "another payment", credit(o.ada.Org, "stripe:cs_2"), "")
	for range 2 {
		world.WantCode(t, "without a reference", credit(o.ada.Org, ""), "")
	}
	theirs, err := o.Billing.Transactions(t.Context(), o.Call(bob, policy.ReadBilling), 10, 0)
	if err != nil || len(theirs)+len(o.ledger()) != 4 {
		t.Errorf("the ledgers have %d and %d rows, %v", len(theirs), len(o.ledger()), err)
	}
}

func TestTransactionsComeInParts(t *testing.T) {
	o := open(t, 0)
	for n := range int64(5) {
		o.grant(n+1, 0)
	}
	for _, tc := range []struct {
		limit, offset int
		want          []int64
	}{{2, 0, []int64{5, 4}}, {2, 3, []int64{2, 1}}, {2, 4, []int64{1}}, {2, 5, nil}, {0, 0, nil}} {
		all, err := o.Billing.Transactions(t.Context(), o.owner(), tc.limit, tc.offset)
		var got []int64
		for _, e := range all {
			got = append(got, e.Amount)
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%d from %d: %v, %v", tc.limit, tc.offset, got, err)
		}
	}
}
