package transaction_test

import (
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// mines wants a transaction in a block.
func (b *bench) mines(tx transaction.Tx) transaction.Tx {
	b.t.Helper()
	b.node.Mined(b.t, tx.Hash)
	b.look(1)
	return b.stands(tx.ID, transaction.Broadcast, transaction.Success)
}

func TestGethTakesPaymentsOfEachType(t *testing.T) {
	b := openOn(t, evmnode.Geth(t))
	for i, d := range []transaction.Draft{
		pay("0.25"),
		pay("0.25", func(d *transaction.Draft) { d.GasPrice = "3000000000" }),
	} {
		got := b.mines(b.submit(d, transaction.Broadcast))
		if got.Nonce != uint64(i) || got.Receipt.GasUsed != 21000 || got.Receipt.GasPrice.IsZero() {
			t.Errorf("nonce %d, receipt %+v", got.Nonce, got.Receipt)
		}
	}
	b.got("0.5")
	balance, err := b.svc.Balance(t.Context(), b.Call(b.owner, policy.ReadBalance), b.payer.ID, "anvil")
	b.must(err)
	if balance.Wei.IsZero() || balance.Address != b.from {
		t.Errorf("the account has %+v", balance)
	}
}

func TestGethRevertsAndTheNonceIsSpent(t *testing.T) {
	b := openOn(t, evmnode.Geth(t))
	b.rules(`{"allow_creation": true}`)
	// Creates code that reverts all: 60006000fd.
	creates := b.submit(pay("0", func(d *transaction.Draft) { d.To, d.Data = "", "0x6460006000fd5f526005601bf3" }), transaction.Broadcast)
	at := b.node.Mined(t, creates.Hash).String()
	to := func(d *transaction.Draft) { d.To = at }
	_, _, err := b.try(pay("0.1", to))
	b.refused("without a gas limit", err, fault.Unprocessable, "would_revert")
	tx := b.submit(pay("0.1", to, gas(60000)), transaction.Broadcast)
	b.look(1)
	b.stands(tx.ID, transaction.Failed, transaction.Reverted)
	if next := b.mines(b.submit(pay("0.1"), transaction.Broadcast)); next.Nonce != 2 {
		t.Errorf("the nonce is %d", next.Nonce)
	}
}

func TestGethTakesHigherFeesInsteadOfWhatWaits(t *testing.T) {
	b := openOn(t, evmnode.Geth(t), limited("0.6"))
	slow := b.submit(pay("0.5", gas(21000), func(d *transaction.Draft) { d.MaxFee, d.MaxTip = "20000000", "20000000" }), transaction.Broadcast)
	_, err := b.replace(slow.ID, transaction.Replacement{MaxFee: "21000000", MaxTip: "21000000"})
	b.refused("a raise of less than a tenth", err, fault.Invalid, "fees_too_low")
	fast, err := b.replace(slow.ID, transaction.Replacement{MaxFee: "20000000000", MaxTip: "1000000000"})
	b.must(err)
	b.counts("0.5")
	b.mines(fast)
	b.got("0.5")
	b.counts("0.5")
}

// TestWhatNodesWouldRefuseIsNotSigned: gas beyond a block, or less than it takes, and no fee at all.
func TestWhatNodesWouldRefuseIsNotSigned(t *testing.T) {
	onBoth(t, func(b *bench) {
		limit := func(gas uint64, data string) func(*transaction.Draft) {
			return func(d *transaction.Draft) { d.GasLimit, d.Data = &gas, data }
		}
		for what, of := range map[string]struct {
			draft transaction.Draft
			code  string
		}{
			"more gas than a block has":       {pay("0.1", gas(1<<40)), "gas_over_cap"},
			"more gas than there is":          {pay("0.1", gas(1<<63)), "gas_over_cap"},
			"less gas than the data takes":    {pay("0.1", limit(21_000, "0x0102")), "gas_below_least"},
			"no fee":                          {pay("0.1", func(d *transaction.Draft) { d.MaxFee, d.MaxTip = "0", "0" }), "fees_below_base"},
			"no price":                        {pay("0.1", func(d *transaction.Draft) { d.GasPrice = "0" }), "fees_below_base"},
			"a fee far below the base fee":    {pay("0.1", func(d *transaction.Draft) { d.MaxFee, d.MaxTip = "1000", "1000" }), "fees_below_base"},
			"a most far below, with no tip":   {pay("0.1", func(d *transaction.Draft) { d.MaxFee = "1000" }), "fees_below_base"},
			"a price far below, with gas set": {pay("0.1", gas(21_000), func(d *transaction.Draft) { d.GasPrice = "1" }), "fees_below_base"},
		} {
			_, _, err := b.try(of.draft)
			b.refused(what, err, fault.Unprocessable, of.code)
			c := b.Call(b.payer, policy.SignTransaction)
			_, _, err = b.svc.Sign(b.based(c), c, b.payer.ID, of.draft)
			b.refused(what+", to be handed out", err, fault.Unprocessable, of.code)
		}
		if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
			b.t.Errorf("%d are stored", n)
		}
		if b.node.Chain == evmnode.GethChainID { // anvil takes none below the base fee
			b.submit(pay("0.1", gas(21_000), func(d *transaction.Draft) { d.MaxFee, d.MaxTip = "20000000", "20000000" }), transaction.Broadcast) // it may wait
		}
	})
}

func TestGethThatWasAwayGetsTheSameBytes(t *testing.T) {
	b := openOn(t, evmnode.Geth(t))
	b.gate.on("eth_sendRawTransaction", away)
	tx := b.submit(pay("0.5"), transaction.Signed)
	b.gate.on("*", away)
	_, _, err := b.try(pay("0.1"))
	b.refused("while it is away", err, fault.Unavailable, "node_unavailable")
	b.gate.on("*", nil)
	b.gate.on("eth_sendRawTransaction", nil)
	b.look(1)
	b.node.Mined(t, tx.Hash)
	b.look(1)
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
	if sent := b.gate.bytesSent(); len(sent) != 1 {
		t.Errorf("%d different transactions were sent", len(sent))
	}
}

func TestGethSimulates(t *testing.T) {
	b := openOn(t, evmnode.Geth(t))
	for way, without := range map[string][]string{"eth_simulateV1": nil, "debug_traceCall": {"eth_simulateV1"}, "eth_call": {"eth_simulateV1", "debug_traceCall"}} {
		for _, method := range without {
			b.gate.on(method, says(`null,"error":{"code":-32601,"message":"the method does not exist"}`))
		}
		got, err := b.svc.Simulate(t.Context(), b.Call(b.payer, policy.SimulateTransaction), b.payer.ID, []transaction.Draft{pay("0.5")})
		b.must(err)
		if r := got[0]; r.Status != simulate.Success || r.Method != way || r.GasUsed < 21000 || len(r.Changes) != 2 {
			t.Errorf("%s: %+v", way, r)
		}
		for _, method := range without {
			b.gate.on(method, nil)
		}
	}
}

// TestAReorganisationOfGethPutsATransactionBackToWaiting: its block is gone, and it comes into another.
func TestAReorganisationOfGethPutsATransactionBackToWaiting(t *testing.T) {
	b := openOn(t, evmnode.Geth(t))
	tx := b.mines(b.submit(pay("0.5"), transaction.Broadcast))
	b.node.Call(t, nil, "debug_setHead", uint256.NewInt(tx.Receipt.Block-1).Hex())
	var gone any
	if b.node.Call(t, &gone, "eth_getTransactionReceipt", tx.Hash); gone != nil {
		t.Fatal("geth has its receipt still")
	}
	b.fund(b.from)                            // geth may have gone further back than it was told
	b.gate.on("eth_sendRawTransaction", away) // it is looked at while it waits
	b.look(1)
	back := b.stands(tx.ID, transaction.Broadcast, transaction.Waiting)
	if back.Receipt.BlockHash != (evm.Hash{}) {
		t.Errorf("it has the receipt %+v", back.Receipt)
	}
	b.gate.on("eth_sendRawTransaction", nil)
	b.look(1)
	b.node.Mined(t, tx.Hash)
	b.look(1)
	again := b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	if again.Receipt.BlockHash == tx.Receipt.BlockHash {
		t.Error("it is in the block that is gone")
	}
	b.got("0.5")
	if sent := b.gate.bytesSent(); len(sent) != 1 {
		t.Errorf("%d different transactions were sent", len(sent))
	}
}
