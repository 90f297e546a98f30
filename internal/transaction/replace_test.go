package transaction_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

var (
	speedup = transaction.Replacement{}
	cancel  = transaction.Replacement{Cancel: true}
)

// replace replaces a transaction of the agent's, as through the gate.
func (b *bench) replace(id string, how transaction.Replacement) (transaction.Tx, error) {
	c := b.Call(b.payer, policy.ReplaceTransaction)
	return b.svc.Replace(b.based(c), c, b.payer.ID, id, how)
}

// priced sets what a unit of gas costs at most, in gwei, with a limit of 21000.
func priced(gwei string) func(*transaction.Draft) {
	return func(d *transaction.Draft) {
		limit := uint64(21000)
		d.GasLimit, d.MaxFee, d.MaxTip = &limit, gwei+"000000000", "1000000000"
	}
}

// waiting submits what waits for a block.
func (b *bench) waiting(d transaction.Draft) transaction.Tx {
	b.t.Helper()
	b.node.Automine(b.t, false)
	return b.submit(d, transaction.Broadcast)
}

// deep makes the block that takes what waits, and so many on it that it is final.
func (b *bench) deep() {
	b.t.Helper()
	b.node.Mine(b.t, 14)
	b.look(2)
}

func (b *bench) counts(eth string) {
	b.t.Helper()
	if got := b.spent(); got != eth {
		b.t.Errorf("%s is counted, want %s", got, eth)
	}
}

// Whoever is told that it failed pays again.
func TestWhatWasReplacedIsNoFailure(t *testing.T) {
	for what, how := range map[string]transaction.Replacement{"a speed-up": speedup, "a cancel": cancel} {
		b := open(t)
		first := b.waiting(pay("0.1"))
		second, err := b.replace(first.ID, how)
		b.must(err)
		b.look(3)
		if got := b.stands(first.ID, transaction.Broadcast, transaction.Waiting); got.Error != "" {
			t.Errorf("%s: while it waits the first says %q", what, got.Error)
		}
		if sent := len(b.gate.bytesSent()); sent != 2 {
			t.Errorf("%s: %d times bytes were sent, want 2", what, sent)
		}
		b.deep()
		b.look(2)
		b.stands(second.ID, transaction.Broadcast, transaction.Success)
		got := b.stands(first.ID, transaction.Failed, transaction.Replaced)
		if !strings.Contains(got.Error, second.ID) || strings.Contains(got.Error, "submit") {
			t.Errorf("%s: at the end the first says %q, want the id %s", what, got.Error, second.ID)
		}
	}
}

// A node that does not tell of what it has refuses the bytes of before.
func TestTheBytesOfBeforeAreNoFailure(t *testing.T) {
	b := open(t)
	b.node.Automine(t, false)
	b.gate.on("eth_sendRawTransaction", func(w http.ResponseWriter, pass func() []byte) {
		pass()
		w.WriteHeader(http.StatusBadGateway)
	})
	b.gate.on("eth_getTransactionByHash", says("null"))
	first := b.submit(pay("0.1"), transaction.Signed)
	b.gate.on("eth_sendRawTransaction", nil)
	_, err := b.replace(first.ID, speedup)
	b.must(err)
	b.look(2)
	if got := b.stands(first.ID, transaction.Broadcast, transaction.Waiting); got.Error != "" {
		t.Errorf("the first says %q", got.Error)
	}
}

func TestASpeedUpIsTakenInsteadAndCountsOnce(t *testing.T) { speedUps(t) }

func speedUps(t *testing.T) {
	b := open(t, limited("0.6"))
	first := b.waiting(pay("0.5"))
	second, err := b.replace(first.ID, speedup)
	b.must(err)
	third, err := b.replace(second.ID, speedup)
	b.must(err)
	fourth, err := b.replace(first.ID, speedup) // the first one's name stands for all
	b.must(err)
	for _, tx := range []transaction.Tx{second, third, fourth} {
		if tx.Nonce != first.Nonce || tx.Status != transaction.Broadcast || tx.Replaces != first.ID {
			t.Errorf("%s with nonce %d in place of %s", tx.Status, tx.Nonce, tx.Replaces)
		}
	}
	b.counts("0.5")
	_, _, err = b.try(pay("0.2"))
	b.refused("more than the rest", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.deep()
	b.stands(fourth.ID, transaction.Broadcast, transaction.Success)
	for _, tx := range []transaction.Tx{first, second, third} {
		b.stands(tx.ID, transaction.Failed, transaction.Replaced)
	}
	b.got("0.5")
	b.counts("0.5")
	if n := b.spentOf(transaction.Counted); n != "1" {
		t.Errorf("%s transactions are counted", n)
	}
}

func TestACancelledTransactionIsGivenBack(t *testing.T) { cancels(t) }

func cancels(t *testing.T) {
	b := open(t, limited("0.6"))
	tx := b.waiting(pay("0.5"))
	faster, err := b.replace(tx.ID, speedup)
	b.must(err)
	stop, err := b.replace(tx.ID, cancel)
	b.must(err)
	b.counts("0.5")
	b.deep()
	b.stands(stop.ID, transaction.Broadcast, transaction.Success)
	b.stands(tx.ID, transaction.Failed, transaction.Replaced)
	b.stands(faster.ID, transaction.Failed, transaction.Replaced)
	b.got("0")
	b.counts("0")
	b.node.Automine(t, true)
	b.submit(pay("0.6"), transaction.Broadcast)
}

// TestGasOfACancelCounts: else an agent could burn what it may not spend.
func TestGasOfACancelCounts(t *testing.T) {
	b := open(t, limited("1"))
	b.rules(`{"gas_counts": true, "max_fee": "1000000000000000000"}`)
	tx := b.waiting(pay("0.5", priced("100")))
	b.counts("0.5021")
	how := cancel
	how.MaxFee, how.MaxTip = "1000000000000", "2000000000"
	_, err := b.replace(tx.ID, how)
	b.must(err)
	b.counts("0.5021") // one of the two
	b.deep()
	b.counts("0.021")
}

func TestADearerReplacementTakesTheDifference(t *testing.T) {
	b := open(t, limited("1"))
	b.rules(`{"gas_counts": true, "max_fee": "1000000000000000000"}`)
	tx := b.waiting(pay("0.5", priced("100")))
	how := speedup
	how.MaxFee, how.MaxTip = "23809523809524", "2000000000"
	_, err := b.replace(tx.ID, how)
	b.refused("4000 wei too much", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.counts("0.5021")
	how.MaxFee = "23809523809523" // 0.499999999999983 for 21000
	_, err = b.replace(tx.ID, how)
	b.must(err)
	b.counts("0.999999999999983")
	b.deep()
	b.counts("0.999999999999983")
}

func TestTwoReplacementsAtOnce(t *testing.T) { replacementsAtOnce(t) }

func replacementsAtOnce(t *testing.T) {
	b := open(t, limited("0.6"))
	tx := b.waiting(pay("0.5"))
	parallel(8, func(i int) {
		how := transaction.Replacement{Cancel: i%2 == 1}
		got, err := b.replace(tx.ID, how)
		switch {
		case err != nil:
			b.refused("at once", err, fault.Unavailable, "storage_unavailable")
		case got.Status == transaction.Failed && got.ErrorCode != "underpriced":
			t.Errorf("it is %s %q", got.Status, got.ErrorCode)
		}
	})
	b.deep()
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE mined = 'success'`); n != 1 {
		t.Errorf("%d are in blocks", n)
	}
	paid := uint256.Int{}
	if got := b.received(payee); !got.IsZero() {
		paid = *got
	}
	b.counts(evm.FormatETH(&paid))
	b.node.Automine(t, true)
	if next := b.submit(pay("0.01"), transaction.Broadcast); next.Nonce != 1 {
		t.Errorf("the next nonce is %d", next.Nonce)
	}
}

func TestABlockThatComesBeforeTheReplacement(t *testing.T) {
	b := open(t, limited("0.6"))
	tx := b.waiting(pay("0.5"))
	b.node.Mine(t, 1) // the watcher has not looked
	for _, how := range []transaction.Replacement{speedup, cancel} {
		_, err := b.replace(tx.ID, how)
		b.refused("in a block", err, fault.Conflict, "transaction_over")
	}
	b.look(1)
	_, err := b.replace(tx.ID, cancel)
	b.refused("seen in a block", err, fault.Conflict, "transaction_over")
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 1 {
		t.Errorf("%d are stored", n)
	}
}

func TestABlockThatComesWhileTheReplacementIsSent(t *testing.T) {
	b := open(t, limited("0.6"))
	tx := b.waiting(pay("0.5"))
	b.gate.on("eth_sendRawTransaction", func(w http.ResponseWriter, pass func() []byte) {
		b.node.Mine(t, 1)
		_, _ = w.Write(pass())
	})
	late, err := b.replace(tx.ID, cancel)
	b.must(err)
	if late.Status != transaction.Failed || late.ErrorCode != "nonce_too_low" {
		t.Errorf("it is %s %q", late.Status, late.ErrorCode)
	}
	b.gate.on("eth_sendRawTransaction", nil)
	b.deep()
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.stands(late.ID, transaction.Failed, transaction.Replaced)
	b.got("0.5")
	b.counts("0.5")
	b.node.Automine(t, true)
	if next := b.submit(pay("0.1"), transaction.Broadcast); next.Nonce != 1 {
		t.Errorf("the next nonce is %d", next.Nonce)
	}
}

func TestFeesOfAReplacement(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.1", priced("100"))) // and a tip of 1 gwei
	for name, how := range map[string]transaction.Replacement{
		"a tenth more of the most":    {MaxFee: "110000000000", MaxTip: "2000000000"},
		"a tenth more of the tip":     {MaxFee: "200000000000", MaxTip: "1100000000"},
		"too little for the tip":      {MaxFee: "1100000001"},
		"less than before":            {MaxFee: "1", MaxTip: "1"},
		"nothing":                     {MaxFee: "0"},
		"a tip beyond the most":       {MaxFee: "200000000000", MaxTip: "200000000001"},
		"more than any number of wei": {MaxFee: "99999999999999999999999999999999"},
		"no number":                   {MaxFee: "0x10"},
	} {
		if _, err := b.replace(tx.ID, how); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 1 {
		t.Errorf("%d are stored", n)
	}
	fees := func(how transaction.Replacement, most, tip string) {
		t.Helper()
		got, err := b.replace(tx.ID, how)
		b.must(err)
		if got.MaxFee.Dec() != most || got.MaxTip.Dec() != tip || got.Status != transaction.Broadcast {
			t.Errorf("%s with at most %s and the tip %s, want %s and %s", got.Status, got.MaxFee.Dec(), got.MaxTip.Dec(), most, tip)
		}
	}
	fees(transaction.Replacement{MaxFee: "110000000001", MaxTip: "1100000001"}, "110000000001", "1100000001") // the least that passes
	fees(transaction.Replacement{MaxTip: "150000000000"}, "150000000000", "150000000000")                     // the most grows with the tip
	fees(transaction.Replacement{MaxFee: "165000000001"}, "165000000001", "165000000001")                     // the tip stays below the most
	fees(speedup, "185625000002", "185625000002")
}

func TestATransactionWithOnePriceIsReplaced(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.1", func(d *transaction.Draft) { d.GasPrice = "3000000000" }))
	_, err := b.replace(tx.ID, transaction.Replacement{MaxFee: "4000000000", MaxTip: "1"})
	b.refused("a tip", err, fault.Invalid, "invalid_fees")
	got, err := b.replace(tx.ID, transaction.Replacement{MaxFee: "4000000000"})
	b.must(err)
	b.deep()
	b.stands(got.ID, transaction.Broadcast, transaction.Success)
}

// TestReplacementsUnderNarrowerRules: what pays is refused, and what stops it passes.
func TestReplacementsUnderNarrowerRules(t *testing.T) {
	only := func(p intents.Patch) func(*bench) { return func(b *bench) { b.update(agent.Patch{Guardrails: p}) } }
	for name, narrow := range map[string]func(*bench){
		"tx_to_allowlist":    only(intents.Patch{ToAllowlist: patch.Value([]string{stranger})}),
		"tx_max_value_eth":   only(intents.Patch{MaxValueETH: patch.Value("0.1")}),
		"tx_daily_limit_eth": only(intents.Patch{DailyLimitETH: patch.Value("0.1")}),
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			b.submit(pay("0.2"), transaction.Broadcast) // counts against the new limit
			b.mined()
			tx := b.waiting(pay("0.5"))
			narrow(b)
			_, err := b.replace(tx.ID, speedup)
			b.refused("faster", err, fault.Denied, "guardrail_"+name)
			stop, err := b.replace(tx.ID, cancel)
			b.must(err)
			b.deep()
			b.stands(stop.ID, transaction.Broadcast, transaction.Success)
			b.got("0.2")
			b.counts("0.2")
		})
	}
	t.Run("a chain that it may not use any more", func(t *testing.T) {
		b := open(t)
		tx := b.waiting(pay("0.5"))
		only(intents.Patch{AllowedChains: patch.Value([]string{"base"})})(b)
		for _, how := range []transaction.Replacement{speedup, cancel} {
			_, err := b.replace(tx.ID, how)
			b.refused("on it", err, fault.Denied, "guardrail_tx_allowed_chains")
		}
	})
	t.Run("the transactions of the day", func(t *testing.T) {
		b := open(t)
		tx := b.waiting(pay("0.5"))
		b.rules(`{"max_per_day": 1}`)
		_, err := b.replace(tx.ID, speedup) // it is the same one
		b.must(err)
		_, _, err = b.try(pay("0.1"))
		b.refused("another", err, fault.Denied, "guardrail_max_per_day")
	})
}

func TestARightThatEndsBeforeAReplacementLeaves(t *testing.T) { endsBeforeReplacement(t) }

// endsBeforeReplacement: what was there before stays as it was.
func endsBeforeReplacement(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			b := open(t, limited("1"))
			b.rules(`{"gas_counts": true, "max_fee": "1000000000000000000"}`)
			tx := b.waiting(pay("0.5", priced("100")))
			b.at(step.end, ways["the agent is frozen"].ready(b))
			sent := len(b.gate.bytesSent())
			_, err := b.replace(tx.ID, transaction.Replacement{MaxFee: "1000000000000", MaxTip: "2000000000"})
			b.refused(step.name, err, fault.Unavailable, step.code)
			b.counts("0.5021")
			b.at(func(*bench, func()) {}, nil)
			_, err = b.replace(tx.ID, cancel)
			b.refused("frozen", err, fault.Denied, "frozen")
			if n := len(b.gate.bytesSent()); n != sent {
				t.Error("a replacement was sent")
			}
			b.must(b.Freezes.UnfreezeAgent(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeAgent), b.payer.ID))
			b.payer = b.renewed()
			if next := b.submit(pay("0.1", priced("100")), transaction.Broadcast); next.Nonce != 1 {
				t.Errorf("the next nonce is %d: the first one's was freed", next.Nonce)
			}
			b.deep()
			b.got("0.6")
			b.counts("0.6042")
		})
	}
}

func TestAReplacementTakesTheAccountOfTheFirst(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.5"))
	_, err := b.keys.Rotate(t.Context(), b.Call(b.Here(b.owner), policy.RotateSigningKey), b.payer.ID, "ethereum", 0)
	b.must(err)
	_, err = b.replace(tx.ID, cancel)
	b.refused("another account", err, fault.Conflict, "signing_key_changed")
	_, err = b.replace(tx.Hash.String(), cancel)
	b.refused("none of that name", err, fault.NotFound, "transaction_not_found")
}

// What is under way is of a chain by its number, whatever that is called meanwhile.
func TestAChainIsRenamedWhileATransactionWaits(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.1"))
	chains, err := b.Chains.Store.EVMChains(t.Context())
	b.must(err)
	for i := range chains {
		if chains[i].Name == "anvil" {
			_, err := b.Chains.Update(t.Context(), b.Call(b.Boss("boss2"), policy.ManageChains), chains[i].ID, func(c *intents.Chain) { c.Name = "anvilx" })
			b.must(err)
		}
	}
	second, err := b.replace(tx.ID, speedup)
	b.must(err)
	b.deep()
	b.stands(second.ID, transaction.Broadcast, transaction.Success)
}
