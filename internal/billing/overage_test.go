package billing_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestHowRequestsBeyondTheLimitArePaidFor(t *testing.T) {
	o := open(t, 0)
	o.grant(1, 0)
	member, agent := o.Member(o.ada, "bob", policy.RoleMember), o.Agent(o.ada)
	for name, who := range map[string]policy.Principal{"a member": member, "an agent": agent, "a key that reads": o.ByKey(o.ada, "billing:read")} {
		err := o.Billing.SetOverage(t.Context(), o.Call(who, policy.UpdateBilling), billing.ByX402)
		if !fault.Is(err, fault.Denied) || fault.ReasonOf(err) == fault.CodeOf(err) {
			t.Errorf("%s chooses: %v because of %s", name, err, fault.ReasonOf(err))
		}
		if err := o.Billing.MayPay(o.Call(who, policy.UpdateBilling)); !fault.Is(err, fault.Denied) {
			t.Errorf("%s may pay: %v", name, err)
		}
	}
	o.must(o.Billing.MayPay(o.Call(o.ada, policy.UpdateBilling)))
	for _, method := range []string{"", "cash", "X402", "credits "} {
		world.WantCode(t, method, o.Billing.SetOverage(t.Context(), o.Call(o.ada, policy.UpdateBilling), method), "invalid_method")
	}
	o.overage(billing.ByX402)
	p, err := o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
	world.WantCode(t, "credits that are not to be spent", err, "quota_exhausted")
	if price, payable := p.Refused(); !payable || price != 1000 {
		t.Errorf("a request costs %d, payable: %v", price, payable)
	}
	p.Prepaid(1000)
	if u := o.usage(); u != (billing.Usage{Total: 1, Paid: 1, Cost: 1000}) || p.Price != 1000 {
		t.Errorf("counted %+v", u)
	}
	if got := o.amounts(); !slices.Equal(got, []int64{1}) {
		t.Errorf("what was paid for by itself is in the ledger: %v", got)
	}
	o.set(billing.RequestPrice, "0")
	p, _ = o.Billing.Admit(t.Context(), o.ada.Org, o.Clock.Now(), false)
	if _, payable := p.Refused(); payable {
		t.Error("a request that costs nothing is to be paid for")
	}
	o.overage(billing.ByCredits)
	o.set(billing.RequestPrice, "0.001")
	o.admits("with credits again", 10)
}
