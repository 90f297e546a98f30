package transaction_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// legacy sets one price of gas, in gwei.
func legacy(gwei string) func(*transaction.Draft) {
	return func(d *transaction.Draft) { d.GasPrice = gwei + "000000000" }
}

// TestFeesFarAboveTheMarketAreRefused: they would take the account's coins past tight limits.
func TestFeesFarAboveTheMarketAreRefused(t *testing.T) {
	b := open(t, func(a *agent.Agent) { a.Guardrails.MaxValueETH, a.Guardrails.DailyLimitETH = "0.001", "0.001" })
	for what, d := range map[string]transaction.Draft{"a tip": pay("0.001", priced("1000"), func(d *transaction.Draft) { d.MaxTip = "900000000000" }), "a price": pay("0.001", legacy("1000"))} {
		_, _, err := b.try(d)
		b.refused(what, err, fault.Denied, "guardrail_max_fee")
		c := b.Call(b.payer, policy.SignTransaction)
		_, _, err = b.svc.Sign(b.based(c), c, b.payer.ID, d)
		b.refused(what+", to be handed out", err, fault.Denied, "guardrail_max_fee")
		got, err := b.svc.Try(t.Context(), b.Call(b.payer, policy.ReadGuard), b.payer.ID, d)
		if err != nil || got.Allowed || got.Rule != "max_fee" {
			t.Errorf("%s: the trial says %+v, %v", what, got, err)
		}
	}
	if n := len(b.gate.bytesSent()); n > 0 {
		t.Errorf("%d were sent", n)
	}
	b.submit(pay("0.0005", priced("1000")), transaction.Broadcast) // a cap that the tip does not fill costs nothing
	b.rules(`{"max_fee": "21000000000000000"}`)
	b.submit(pay("0.0005", legacy("1000")), transaction.Broadcast)
	_, _, err := b.try(pay("0", legacy("1001")))
	b.refused("more than the rule allows", err, fault.Denied, "guardrail_max_fee")
}

// TestTheApprovalThresholdCountsFees: also where a replacement makes it dearer.
func TestTheApprovalThresholdCountsFees(t *testing.T) {
	b := open(t)
	b.rules(`{"approval": {"require_above_native": "100000000000000000"}, "max_fee": "1000000000000000000"}`)
	_, _, err := b.try(pay("0.1", legacy("1")))
	b.refused("the amount itself, with fees", err, fault.Denied, "approval_required")
	tx := b.waiting(pay("0.09", priced("100")))
	_, err = b.replace(tx.ID, transaction.Replacement{MaxFee: "500000000000", MaxTip: "2000000000"})
	b.refused("faster, for more than may be paid", err, fault.Denied, "guardrail_require_above_native")
	_, err = b.replace(tx.ID, transaction.Replacement{MaxFee: "400000000000", MaxTip: "2000000000"})
	b.must(err)
}

// TestACancelPassesWhereGasHasUsedUpTheLimit: within a bound of its own.
func TestACancelPassesWhereGasHasUsedUpTheLimit(t *testing.T) {
	b := open(t, limited("1"))
	b.rules(`{"gas_counts": true}`)
	tx := b.waiting(pay("0.9", gas(21000)))
	b.update(agent.Patch{Guardrails: intents.Patch{DailyLimitETH: patch.Value("0.00000001")}})
	_, err := b.replace(tx.ID, speedup)
	b.refused("faster", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	_, err = b.replace(tx.ID, transaction.Replacement{Cancel: true, MaxFee: "1000000000000"})
	b.refused("far above", err, fault.Denied, "guardrail_max_fee")
	last, err := b.replace(tx.ID, cancel)
	b.must(err)
	for range 20 { // each more than the one before: not without end
		last, err = b.replace(last.ID, cancel)
		if err != nil {
			break
		}
	}
	b.refused("again and again", err, fault.Denied, "guardrail_max_fee")
	b.deep()
	b.got("0")
}

// TestTextsNameTheCoinOfTheChain: not every coin is ETH.
func TestTextsNameTheCoinOfTheChain(t *testing.T) {
	b := open(t, func(a *agent.Agent) { a.Guardrails.MaxValueETH = "0.1" })
	chains, err := b.Chains.Store.EVMChains(t.Context())
	b.must(err)
	for i := range chains {
		if chains[i].Name == "anvil" {
			_, err := b.Chains.Update(t.Context(), b.Call(b.Boss("boss2"), policy.ManageChains), chains[i].ID, func(c *intents.Chain) { c.NativeCurrency = "CELO" })
			b.must(err)
		}
	}
	_, _, err = b.try(pay("0.2"))
	b.refused("too much", err, fault.Denied, "guardrail_tx_max_value_eth")
	if text := detail(err); !strings.Contains(text, "0.2 CELO") || strings.Contains(text, "ETH") {
		t.Errorf("it says %q", text)
	}
	got, err := b.svc.Simulate(t.Context(), b.Call(b.payer, policy.SimulateTransaction), b.payer.ID, []transaction.Draft{pay("0.1")})
	b.must(err)
	for _, ch := range got[0].Changes {
		if ch.Symbol != "CELO" {
			t.Errorf("a change of %q", ch.Symbol)
		}
	}
	if len(got[0].Changes) == 0 {
		t.Error("nothing changes")
	}
	g, err := b.svc.Guard(t.Context(), b.Call(b.payer, policy.ReadGuard), b.payer.ID)
	b.must(err)
	if text := strings.Join(g.Words, " "); strings.Contains(text, "ETH") || !strings.Contains(text, "0.1 of the chain's coin, beside fees") {
		t.Errorf("the rules are %q", text)
	}
}

// detail is what whoever is refused reads.
func detail(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Detail
	}
	return ""
}

// TestToSubmitAgainTakesAnotherKey: what is said of a refused transaction works.
func TestToSubmitAgainTakesAnotherKey(t *testing.T) {
	b := open(t)
	much := pay("2000", gas(21000), replayKey("a"))
	tx := b.submit(much, transaction.Failed)
	if !strings.Contains(tx.Error, "under another Idempotency-Key") {
		t.Errorf("it says %q", tx.Error)
	}
	again, replayed, err := b.try(much)
	if b.must(err); !replayed || again.ID != tx.ID {
		t.Errorf("the same key gives %s, replayed %v", again.ID, replayed)
	}
	b.fund(b.from)
	b.fund(b.from)
	much.ReplayKey, much.Value = "b", "500"
	b.submit(much, transaction.Broadcast)
	b.got("500")
}

// TestAnAgentDoesNotLiftTheBoundOfItsFees: on a quiet chain nodes suggest the tips that it paid
// itself.
func TestAnAgentDoesNotLiftTheBoundOfItsFees(t *testing.T) {
	b := open(t, func(a *agent.Agent) { a.Guardrails.MaxValueETH = "0.001" })
	tip := uint64(2_000_000_000)
	for range 40 { // a fifth more each time
		_, _, err := b.try(pay("0", priced("1000000"), func(d *transaction.Draft) { d.MaxTip = strconv.FormatUint(tip, 10) }))
		if err != nil {
			b.refused("over the bound", err, fault.Denied, "guardrail_max_fee")
			break
		}
		tip += tip / 5
	}
	if tip < 4_000_000_000 || tip > 32_000_000_000 {
		t.Errorf("it came to tips of %d gwei", tip/1_000_000_000)
	}
}
