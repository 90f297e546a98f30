package transaction_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func TestAPaymentIsSignedSentAndFollowedToItsReceipt(t *testing.T) {
	b := open(t)
	tx := b.submit(pay("0.25"), transaction.Broadcast)
	b.got("0.25")
	b.look(1)
	got := b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	if got.Receipt.Block != 1 || got.Receipt.GasUsed != 21000 || got.Receipt.BlockHash == (evm.Hash{}) || got.NextAt.IsZero() {
		t.Errorf("the receipt is %+v", got.Receipt)
	}
	b.node.Mine(t, 12)
	b.look(1)
	if got := b.stands(tx.ID, transaction.Broadcast, transaction.Success); !got.NextAt.IsZero() {
		t.Error("it is looked at again, deep as it is")
	}
	signed, sender, err := evm.ParseTx(tx.Raw)
	b.must(err)
	if by, err := sender.Sender(signed.SigningHash()); err != nil || by != b.from || signed.Type != 2 {
		t.Errorf("type %d, signed by %s, %v", signed.Type, by, err)
	}
}

func TestTransactionsOfTypes0And1AreTaken(t *testing.T) {
	b := open(t)
	b.submit(pay("0.1", func(d *transaction.Draft) { d.GasPrice = "3000000000" }), transaction.Broadcast)
	tx := b.submit(pay("0.1", func(d *transaction.Draft) {
		d.GasPrice, d.AccessList = "3000000000", []transaction.Access{{Address: b.from.String()}}
	}), transaction.Broadcast)
	if tx.Raw[0] != 1 {
		t.Errorf("it is of type %d", tx.Raw[0])
	}
	b.got("0.2")
}

func TestWhatTheChainRevertsIsFailedAndItsNonceIsSpent(t *testing.T) {
	b := open(t)
	// The code reverts all.
	b.node.Call(t, nil, "anvil_setCode", stranger, "0x60006000fd")
	tx := b.submit(pay("0.1", func(d *transaction.Draft) { d.To = stranger }, gas(60000)), transaction.Broadcast)
	b.look(1)
	b.stands(tx.ID, transaction.Failed, transaction.Reverted)
	_, _, err := b.try(pay("0.1", func(d *transaction.Draft) { d.To = stranger }))
	b.refused("without a gas limit", err, fault.Unprocessable, "would_revert")
	if next := b.submit(pay("0.1"), transaction.Broadcast); next.Nonce != 1 {
		t.Errorf("the nonce is %d", next.Nonce)
	}
}

func TestAReorganisationPutsATransactionBackToWaiting(t *testing.T) {
	b := open(t)
	b.node.Mine(t, 3)
	tx := b.submit(pay("0.5"), transaction.Broadcast)
	b.look(1)
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.node.Automine(t, false)
	b.node.Reorg(t, 1)
	b.look(1)
	b.stands(tx.ID, transaction.Broadcast, transaction.Waiting)
	b.node.Mine(t, 1)
	b.look(2)
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
	if sent := b.gate.bytesSent(); len(sent) != 1 {
		t.Errorf("other bytes were sent: %d", len(sent))
	}
}

func TestWhatThePoolDroppedIsSentAgain(t *testing.T) {
	b := open(t)
	b.node.Automine(t, false)
	tx := b.submit(pay("0.5"), transaction.Broadcast)
	b.node.Call(t, nil, "anvil_dropTransaction", tx.Hash)
	b.look(2)
	b.node.Mine(t, 1)
	b.look(1)
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
	if sent := slices.Collect(maps.Values(b.gate.bytesSent())); !slices.Equal(sent, []int{2}) {
		t.Errorf("sent %v, want the same bytes twice", sent)
	}
}

func TestWhatSomebodyElseReplacedIsToldOnceItIsDeep(t *testing.T) {
	b := open(t, limited("1"))
	b.node.Automine(t, false)
	tx := b.submit(pay("0.5"), transaction.Broadcast)
	b.node.Call(t, nil, "anvil_dropTransaction", tx.Hash)
	b.gate.on("eth_sendRawTransaction", away)
	b.node.Call(t, nil, "anvil_impersonateAccount", b.from)
	b.node.Call(t, nil, "eth_sendTransaction", map[string]string{"from": b.from.String(), "to": stranger, "value": "0x1"})
	b.node.Mine(t, 1)
	b.look(5)
	b.stands(tx.ID, transaction.Broadcast, transaction.Waiting)
	if left := b.spent(); left != "0.5" {
		t.Errorf("%s is counted before the other one is deep", left)
	}
	b.node.Mine(t, 12)
	b.look(1)
	if got := b.stands(tx.ID, transaction.Failed, transaction.Replaced); got.ErrorCode != "replaced" {
		t.Errorf("it says %q", got.ErrorCode)
	}
	if left := b.spent(); left != "0" {
		t.Errorf("%s is counted, although it will never be paid", left)
	}
}

func TestRefusalsOfNodesGiveTheNonceBackAndNotTheLimits(t *testing.T) {
	b := open(t, limited("0.6"))
	for message, code := range map[string]string{
		"transaction underpriced": "underpriced", "insufficient funds for gas * price + value": "insufficient_funds", "intrinsic gas too low": "rejected",
	} {
		b.gate.on("eth_sendRawTransaction", refuses(message, false))
		tx := b.submit(pay("0.1"), transaction.Failed)
		if code == "rejected" { // another payment, and so other bytes
			tx = b.submit(pay("0.2"), transaction.Failed)
		}
		if tx.ErrorCode != code || tx.Nonce != 0 || strings.Contains(tx.Error, message) {
			t.Errorf("%s: code %s, nonce %d, %s", message, tx.ErrorCode, tx.Nonce, tx.Error)
		}
	}
	b.gate.on("eth_sendRawTransaction", nil)
	if tx := b.submit(pay("0.1"), transaction.Broadcast); tx.Nonce != 0 {
		t.Errorf("the nonce is %d", tx.Nonce)
	}
	if got := b.spent(); got != "0.3" {
		t.Errorf("%s is counted, want that of other bytes too: a node may have kept them", got)
	}
	b.node.Mine(t, 13)
	b.look(1)
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE mined = 'success'`); n != 1 {
		t.Errorf("%d are told to be in a block", n)
	}
	if got := b.spent(); got != "0.1" {
		t.Errorf("%s is counted, want 0.1: the nonce is used by the last", got)
	}
}

func TestANodeThatSaysRejectedAndKeepsTheBytesFreesNoLimit(t *testing.T) {
	b := open(t, limited("0.6"))
	b.gate.on("eth_sendRawTransaction", refuses("intrinsic gas too low", true))
	tx := b.submit(pay("0.5"), transaction.Failed)
	_, _, err := b.try(pay("0.5"))
	b.refused("a second", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.look(1)
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
	if got := b.spent(); got != "0.5" {
		t.Errorf("%s is counted", got)
	}
}

func TestASignedTransactionThatIsHandedOutIsNeverSentFromHere(t *testing.T) {
	b := open(t)
	tx, _, err := b.svc.Sign(t.Context(), b.Call(b.payer, policy.SignTransaction), b.payer.ID, pay("0.5"))
	b.must(err)
	b.look(5)
	b.stands(tx.ID, transaction.SignOnly, transaction.Waiting)
	if sent := b.gate.bytesSent(); len(sent) != 0 {
		t.Error("it was sent")
	}
	b.got("0")
}
