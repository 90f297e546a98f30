package billing_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestTheLimitOfAMonthIsExact(t *testing.T) {
	o := open(t, 3)
	o.admits("three requests", 3)
	if u := o.usage(); u != (billing.Usage{Total: 3}) {
		t.Errorf("counted %+v: what was refused counts nothing", u)
	}
	// Free requests are counted and never refused.
	p, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), true)
	if err != nil || p.Price != 0 || p.Level() != (billing.Level{Used: 4, Limit: 3, Overage: billing.ByCredits}) {
		t.Errorf("a free request: %+v, %v", p.Level(), err)
	}
	o.limit(6)
	o.admits("a higher limit", 2)
	o.limit(2)
	o.admits("a lower limit", 0)
	sponsored := true
	_, err = o.Billing.SetLimits(t.Context(), o.admin(), o.ada.Org, nil, &sponsored)
	o.must(err)
	for range 5 {
		o.must(o.admit())
	}
	if u := o.usage(); u != (billing.Usage{Total: 11}) {
		t.Errorf("counted %+v", u)
	}
}

func TestAnUnlimitedTierMeetsNoLimit(t *testing.T) {
	o := open(t, 0)
	_, err := o.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, billing.Enterprise, 1)
	o.must(err)
	_, err = o.Billing.SetLimits(t.Context(), o.admin(), o.ada.Org, nil, nil)
	o.must(err)
	for range 20 {
		o.must(o.admit())
	}
	p, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
	if price, payable := p.Refused(); err != nil || payable || price != 0 || p.Level().Limit != billing.Unlimited {
		t.Errorf("got %+v, %v", p.Level(), err)
	}
	var none billing.Pass
	none.Done(&billing.Event{})
	if _, payable := none.Refused(); payable || none.Level() != (billing.Level{Limit: billing.Unlimited}) {
		t.Error("a request that nobody counted has a limit")
	}
}

func TestRequestsAtOnceStayWithinTheLimit(t *testing.T) {
	o := open(t, 25)
	got := world.Count(world.AtOnce(100, func(int) error { return o.admit() }))
	if got[""] != 25 || got["quota_exhausted"] != 75 {
		t.Errorf("got %v", got)
	}
	if u := o.usage(); u.Total != 25 {
		t.Errorf("counted %+v", u)
	}
}

func TestCreditsPayForWhatTheyAreWorth(t *testing.T) {
	o := open(t, 1)
	o.grant(1, 0) // ten requests at a tenth of a cent
	got := world.Count(world.AtOnce(50, func(int) error { return o.admit() }))
	if got[""] != 11 || got["quota_exhausted"] != 39 {
		t.Errorf("got %v", got)
	}
	if u := o.usage(); u != (billing.Usage{Total: 11, Paid: 10, Cost: 10_000}) {
		t.Errorf("counted %+v", u)
	}
	o.admits("after what was spent is in the ledger", 0)
	o.set(billing.RequestPrice, "0.003")
	o.grant(1, 0)
	o.admits("at three tenths of a cent", 3)
	if p, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), true); err != nil || p.Level().Cents != 0 {
		t.Errorf("a tenth of a cent is left: %+v, %v", p.Level(), err)
	}
	o.grant(1, 0)
	o.admits("with the tenth that was left", 3) // 0.1 + 1 cents
	o.set(billing.RequestPrice, "0.002")
	o.admits("with the two tenths that were left", 1)
}

// What is owed is booked in whole cents, and no part of one is lost.
func TestPartsOfACentAddUp(t *testing.T) {
	o := open(t, 0)
	o.grant(5, 0)
	for range 19 {
		o.must(o.admit())
	}
	b, err := o.Billing.Balance(t.Context(), o.owner())
	if err != nil || b.Cents != 4 {
		t.Errorf("after 1.9 cents: %+v, %v", b, err)
	}
	o.must(o.admit())
	all, err := o.Billing.Transactions(t.Context(), o.owner(), 10, 0)
	if err != nil || len(all) != 3 || all[0].Amount != -1 || all[0].Balance != 3 || all[1].Amount != -1 || all[1].Balance != 4 || all[2].Amount != 5 || all[0].Type != billing.Spent {
		t.Errorf("the ledger is %+v, %v", all, err)
	}
	o.admits("what is left", 30)
}

// A node hears with each of its flushes what the others counted and spent: until then it
// lets in what it knows to be free.
func TestTwoNodesLearnOfEachOther(t *testing.T) {
	o := open(t, 10)
	other := o.OtherNode().Billing
	at := func(s *billing.Service, n int) {
		t.Helper()
		for range n {
			_, err := s.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
			o.must(err)
		}
	}
	refuses := func(what string, s *billing.Service) {
		t.Helper()
		_, err := s.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
		world.WantCode(t, what, err, "quota_exhausted")
	}
	at(o.Billing, 6)
	o.flush()
	at(other, 4)
	refuses("the node that knows of ten", other)
	o.must(other.Flush(t.Context()))
	at(o.Billing, 1) // it knows of six
	o.flush()
	refuses("the node that has heard of four more", o.Billing)
	refuses("the other one", other)

	o.grant(1, 0)
	_, err := other.Admit(t.Context(), o.ada.Org, o.Clock.Now(), true) // it looks: there is a cent
	o.must(err)
	at(o.Billing, 10)
	refuses("the node that spent the cent", o.Billing)
	o.flush()
	refuses("the node that spent the cent, later", o.Billing)
	at(other, 1)
	o.must(other.Flush(t.Context()))
	refuses("the node that has heard that the cent is spent", other)
	if u := o.usage(); u != (billing.Usage{Total: 23, Paid: 11, Cost: 11_000}) {
		t.Errorf("counted %+v", u)
	}
	o.grant(1, 0) // a tenth of it is owed
	at(other, 9)
	refuses("the rest of the second cent", other)
}

func TestCountsOfAFailedFlushStay(t *testing.T) {
	o := open(t, 100)
	for range 7 {
		o.must(o.admit())
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := o.Billing.Flush(gone); err == nil {
		t.Error("a flush without a database succeeds")
	}
	o.must(o.admit())
	if u := o.usage(); u.Total != 8 {
		t.Errorf("counted %+v", u)
	}
	o.flush()
	if u := o.usage(); u.Total != 8 {
		t.Errorf("counted again: %+v", u)
	}
}

func TestRequestsThatComeDuringFlushesAreCountedOnce(t *testing.T) {
	o := open(t, 100_000)
	errs := world.AtOnce(8, func(i int) error {
		for range 200 {
			if i == 0 {
				if err := o.Billing.Flush(t.Context()); err != nil {
					return err
				}
				continue
			}
			if err := o.admit(); err != nil {
				return err
			}
		}
		return nil
	})
	if got := world.Count(errs); got[""] != 8 {
		t.Fatalf("got %v", got)
	}
	if u := o.usage(); u.Total != 7*200 {
		t.Errorf("counted %+v", u)
	}
}

// The meter of an organisation that was silent is let go, and counts on when it is not.
func TestAMeterThatWasLetGoLosesNothing(t *testing.T) {
	o := open(t, 10)
	held, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
	o.must(err)
	for range 601 {
		o.flush()
	}
	held.Prepaid(1000) // by a request that found it before
	held.Done(&billing.Event{PrincipalKind: policy.KindUser, PrincipalID: o.ada.ID, Method: "GET", Endpoint: "/v1/vaults", Status: 200, At: o.Clock.Now()})
	o.flush()
	o.admits("after that", 8)
	if u := o.usage(); u != (billing.Usage{Total: 10, Paid: 1, Cost: 1000}) {
		t.Errorf("counted %+v", u)
	}
}
