package node_test

import (
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// onGeth is a client of geth, and an account that has coins there.
func onGeth(t *testing.T) (*node.Client, *evmnode.Node, evm.Key) {
	t.Helper()
	n, key := evmnode.Geth(t), evm.NewKey()
	n.Fund(t, key.Address(), uint256.NewInt(1e18))
	return client(t, start(), node.ProfileOf(n.Chain, "geth"), n.URL), n, key
}

// cheap makes a transaction that geth keeps, and puts into no block.
func cheap(wei uint64) func(*evm.Tx) {
	return func(tx *evm.Tx) { tx.FeeCap.SetUint64(wei); tx.TipCap.SetUint64(wei) }
}

func TestRefusalsOfGeth(t *testing.T) {
	c, n, key := onGeth(t)
	ctx := t.Context()
	of := func(change ...func(*evm.Tx)) []byte {
		return signed(t, key, append([]func(*evm.Tx){func(tx *evm.Tx) { tx.ChainID = n.Chain }}, change...)...)
	}
	waits := of(cheap(1000))
	if sent := c.Send(ctx, waits); sent.Outcome != node.Accepted {
		t.Fatalf("sent: %+v, %+v", sent, sent.Said)
	}
	if p, err := c.PendingNonce(ctx, key.Address()); err != nil || p != 1 {
		t.Errorf("the pending nonce: %d, %v", p, err)
	}
	poor := evm.NewKey()
	for _, tc := range []struct {
		name string
		raw  []byte
		want node.Outcome
	}{
		{"the same again", waits, node.Known},
		{"another of the same fees", of(cheap(1000), func(tx *evm.Tx) { tx.Value.SetUint64(2) }), node.Underpriced},
		{"both fees less than a tenth more", of(cheap(1099)), node.Underpriced},
		{"nothing to pay with", signed(t, poor, func(tx *evm.Tx) { tx.ChainID = n.Chain }), node.InsufficientFunds},
		{"too little gas", of(func(tx *evm.Tx) { tx.Nonce, tx.Gas = 1, 20_000 }), node.Rejected},
		{"more gas than EIP-7825 lets one have", of(func(tx *evm.Tx) {
			tx.Nonce, tx.Gas, tx.FeeCap, tx.TipCap = 1, 1<<24+1, *uint256.NewInt(1), *uint256.NewInt(1)
		}), node.Rejected},
		{"another chain", signed(t, key, func(tx *evm.Tx) { tx.Nonce, tx.ChainID = 1, 1 }), node.Rejected},
		{"bytes that are none", []byte{1, 2, 3}, node.Rejected},
		{"both fees a tenth and more", of(), node.Accepted},
	} {
		if got := c.Send(ctx, tc.raw); got.Outcome != tc.want {
			t.Errorf("%s: got %v, want %v; it said %+v", tc.name, got.Outcome, tc.want, got.Said)
		}
	}
	n.Mined(t, evm.Keccak256(of()))
	gone := func() node.Sent { return c.Send(ctx, of(func(tx *evm.Tx) { tx.Value.SetUint64(3) })) }
	got := gone()
	// Its pool hears of a block a moment after the receipts of it are there.
	for end := time.Now().Add(10 * time.Second); got.Outcome == node.Underpriced && time.Now().Before(end); got = gone() {
		time.Sleep(20 * time.Millisecond)
	}
	if got.Outcome != node.NonceTooLow {
		t.Errorf("a nonce that is gone: %v; it said %+v", got.Outcome, got.Said)
	}
	r, found, err := c.Receipt(ctx, evm.Keccak256(of()))
	if err != nil || !found || !r.Succeeded || r.GasUsed != 21_000 || r.GasPrice.IsZero() {
		t.Errorf("the receipt: %+v, %v, %v", r, found, err)
	}
}

func TestTheCheckOfGeth(t *testing.T) {
	c, _, _ := onGeth(t)
	if got := c.Check(t.Context(), nil); len(got) != 1 || got[0].Why != "" || !got[0].Simulates || !got[0].TracesDiff {
		t.Errorf("got %+v", got)
	}
}
