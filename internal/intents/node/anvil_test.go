package node_test

import (
	"errors"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

const anvilChain = evmnode.ChainID

// funded is the first of anvil's accounts; its key is published.
func funded(t *testing.T) evm.Key {
	t.Helper()
	k, err := evm.ParseKey([]byte("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func onAnvil(t *testing.T, args ...string) *node.Client {
	t.Helper()
	return client(t, start(), node.ProfileOf(anvilChain, "anvil"), evmnode.Anvil(t, args...).URL)
}

// mine makes a block of what waits.
func mine(t *testing.T, c *node.Client) {
	t.Helper()
	var done any
	if err := c.Ask(t.Context(), &done, "anvil_mine", "0x1"); err != nil {
		t.Fatal(err)
	}
}

// signed is a transfer of 1 wei.
func signed(t *testing.T, key evm.Key, change ...func(*evm.Tx)) []byte {
	t.Helper()
	to := evm.Address{0: 0xbe, 19: 0xef}
	tx := evm.Tx{Type: 2, ChainID: anvilChain, Gas: 21_000, To: &to, Value: *uint256.NewInt(1), FeeCap: *uint256.NewInt(3e9), TipCap: *uint256.NewInt(1e9)}
	for _, f := range change {
		f(&tx)
	}
	s, err := key.Sign(tx.SigningHash())
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tx.Encode(s)
	return raw
}

func TestATransferOnAnvil(t *testing.T) {
	c, key, ctx := onAnvil(t, "--no-mining"), funded(t), t.Context()
	from := key.Address()
	if id, err := c.ChainID(ctx); err != nil || id != anvilChain {
		t.Errorf("the chain: %d, %v", id, err)
	}
	before, err := c.Balance(ctx, from)
	if err != nil || before.IsZero() {
		t.Fatalf("the balance: %s, %v", before.Dec(), err)
	}
	fees, err := c.Fees(ctx)
	if err != nil || fees.Legacy || fees.TipCap.IsZero() || !fees.FeeCap.Gt(&fees.BaseFee) {
		t.Errorf("the fees: %+v, %v", fees, err)
	}
	to := evm.Address{0: 0xbe, 19: 0xef}
	if gas, err := c.EstimateGas(ctx, node.Message{From: from, To: &to, Value: *uint256.NewInt(1)}); err != nil || gas < 21_000 || gas > 22_000 {
		t.Errorf("the gas: %d, %v", gas, err)
	}
	raw := signed(t, key, func(tx *evm.Tx) { tx.FeeCap, tx.TipCap = fees.FeeCap, fees.TipCap })
	sent := c.Send(ctx, raw)
	if sent.Outcome != node.Accepted {
		t.Fatalf("sent: %+v, %+v", sent, sent.Said)
	}
	mine(t, c)
	r, found, err := c.Receipt(ctx, sent.Hash)
	if err != nil || !found || !r.Succeeded || r.GasUsed != 21_000 || r.Block != 1 || r.GasPrice.IsZero() || r.Contract != nil {
		t.Errorf("the receipt: %+v, %v, %v", r, found, err)
	}
	if h, found, err := c.BlockHash(ctx, r.Block); err != nil || !found || h != r.BlockHash {
		t.Errorf("the block: %v, %v, %v", h, found, err)
	}
	if _, found, err := c.BlockHash(ctx, 99); err != nil || found {
		t.Errorf("a block that is not there: %v, %v", found, err)
	}
	if tx, found, err := c.Transaction(ctx, sent.Hash); err != nil || !found || tx.From != from || tx.Nonce != 0 || tx.Block == nil || *tx.Block != 1 {
		t.Errorf("the transaction: %+v, %v, %v", tx, found, err)
	}
	if again := c.Send(ctx, raw); again.Outcome != node.Known {
		t.Errorf("sent again: %+v, %+v", again, again.Said)
	}
	if n, err := c.LatestNonce(ctx, from); err != nil || n != 1 {
		t.Errorf("the nonce: %d, %v", n, err)
	}
}

func TestRefusalsOfAnvil(t *testing.T) {
	c, key, ctx := onAnvil(t, "--no-mining"), funded(t), t.Context()
	if sent := c.Send(ctx, signed(t, key)); sent.Outcome != node.Accepted {
		t.Fatalf("sent: %+v, %+v", sent, sent.Said)
	}
	if n, err := c.PendingNonce(ctx, key.Address()); err != nil || n != 1 {
		t.Errorf("the pending nonce: %d, %v", n, err)
	}
	if n, err := c.LatestNonce(ctx, key.Address()); err != nil || n != 0 {
		t.Errorf("the latest nonce: %d, %v", n, err)
	}
	if _, found, err := c.Receipt(ctx, evm.Keccak256(signed(t, key))); err != nil || found {
		t.Errorf("a receipt of what waits: %v, %v", found, err)
	}
	if tx, found, err := c.Transaction(ctx, evm.Keccak256(signed(t, key))); err != nil || !found || tx.Block != nil {
		t.Errorf("what waits: %+v, %v, %v", tx, found, err)
	}
	poor, err := evm.ParseKey([]byte("0x0000000000000000000000000000000000000000000000000000000000000007"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		raw  []byte
		want node.Outcome
	}{
		{"the same again", signed(t, key), node.Known},
		{"another of the same fees", signed(t, key, func(tx *evm.Tx) { tx.Value.SetUint64(2) }), node.Underpriced},
		{"nothing to pay with", signed(t, poor), node.InsufficientFunds},
		{"too little gas", signed(t, key, func(tx *evm.Tx) { tx.Nonce, tx.Gas = 1, 20_000 }), node.Rejected},
		{"another chain", signed(t, key, func(tx *evm.Tx) { tx.Nonce, tx.ChainID = 1, 1 }), node.Rejected},
		{"bytes that are none", []byte{1, 2, 3}, node.Rejected},
		{"both fees a tenth and more", signed(t, key, func(tx *evm.Tx) { tx.FeeCap.SetUint64(34e8); tx.TipCap.SetUint64(12e8) }), node.Accepted},
	} {
		if got := c.Send(ctx, tc.raw); got.Outcome != tc.want {
			t.Errorf("%s: got %v, want %v; it said %+v", tc.name, got.Outcome, tc.want, got.Said)
		}
	}
}

func TestANonceThatIsGoneOnAnvil(t *testing.T) {
	c, key := onAnvil(t, "--no-mining"), funded(t)
	if sent := c.Send(t.Context(), signed(t, key)); sent.Outcome != node.Accepted {
		t.Fatalf("sent: %+v, %+v", sent, sent.Said)
	}
	mine(t, c)
	if got := c.Send(t.Context(), signed(t, key, func(tx *evm.Tx) { tx.Value.SetUint64(2) })); got.Outcome != node.NonceTooLow {
		t.Errorf("got %v; it said %+v", got.Outcome, got.Said)
	}
}

func TestAReorganisationOnAnvilChangesTheHashOfABlock(t *testing.T) {
	c, ctx := onAnvil(t), t.Context()
	var out any
	run := func(method string, params ...any) {
		t.Helper()
		if err := c.Ask(ctx, &out, method, params...); err != nil {
			t.Fatal(err)
		}
	}
	run("anvil_mine", "0x3")
	before, found, err := c.BlockHash(ctx, 3)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	run("anvil_reorg", 2, []any{})
	after, found, err := c.BlockHash(ctx, 3)
	if err != nil || !found || after == before {
		t.Errorf("the hash was %v and is %v, %v, %v", before, after, found, err)
	}
}

func TestARevertOnAnvilHasItsData(t *testing.T) {
	c := onAnvil(t)
	// Init code that reverts with the four bytes de ad be ef.
	_, err := c.EstimateGas(t.Context(), node.Message{From: funded(t).Address(), Data: []byte{0x63, 0xde, 0xad, 0xbe, 0xef, 0x5f, 0x52, 0x60, 4, 0x60, 28, 0xfd}})
	said, ok := errors.AsType[*node.Error](err)
	if !ok || !said.Reverted() || node.Hex(said.Data) != "0xdeadbeef" {
		t.Errorf("got %#v", err)
	}
}

func TestTheCheckOfAnvil(t *testing.T) {
	got := onAnvil(t).Check(t.Context(), nil)
	if len(got) != 1 || got[0].Why != "" || !got[0].Simulates || !got[0].TracesDiff {
		t.Errorf("got %+v", got)
	}
}
