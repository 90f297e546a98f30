package evmnode_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

type receipt struct{ Status, EffectiveGasPrice, BlockHash, From string }

// TestANodeTakesTransactionsOfEachType: the chain itself says who sent them.
func TestANodeTakesTransactionsOfEachType(t *testing.T) {
	n := evmnode.Anvil(t)
	key := evm.NewKey()
	n.Fund(t, key.Address(), uint256.NewInt(1_000_000_000_000_000_000))
	to := evm.Address{0xbe, 0xef}
	price := *uint256.NewInt(10_000_000_000)
	send := func(tx evm.Tx) evm.Hash {
		t.Helper()
		tx.ChainID, tx.Gas, tx.To, tx.Value = evmnode.ChainID, 50_000, &to, *uint256.NewInt(1)
		sig, err := key.Sign(tx.SigningHash())
		if err != nil {
			t.Fatal(err)
		}
		raw, hash := tx.Encode(sig)
		var got evm.Hash
		n.Call(t, &got, "eth_sendRawTransaction", "0x"+hex.EncodeToString(raw))
		if got != hash {
			t.Errorf("the node calls it %s, we %s", got, hash)
		}
		return hash
	}
	find := func(hash evm.Hash) (r *receipt) {
		t.Helper()
		n.Call(t, &r, "eth_getTransactionReceipt", hash)
		return r
	}
	// A block follows its transaction at once, but not always before the answer.
	mined := func(hash evm.Hash) *receipt {
		t.Helper()
		for stop := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if r := find(hash); r != nil || time.Now().After(stop) {
				return r
			}
		}
	}
	for i, tx := range []evm.Tx{
		{GasPrice: price},
		{Type: 1, GasPrice: price, Access: []evm.AccessTuple{{Address: to, Keys: []evm.Hash{{1}}}}},
		{Type: 2, FeeCap: price, TipCap: *uint256.NewInt(1)},
	} {
		tx.Nonce = uint64(i)
		r := mined(send(tx))
		if r == nil || r.Status != "0x1" {
			t.Fatalf("type %d: %+v", tx.Type, r)
		}
		if from, err := evm.ParseAddress(r.From); err != nil || from != key.Address() {
			t.Errorf("type %d was sent by %s, %v", tx.Type, from, err)
		}
	}

	n.NextBaseFee(t, uint256.NewInt(2_000_000_000))
	dear := send(evm.Tx{Type: 2, Nonce: 3, FeeCap: price, TipCap: *uint256.NewInt(1)})
	if r := mined(dear); r == nil || r.EffectiveGasPrice != "0x77359401" {
		t.Errorf("with a base fee of 2 gwei: %+v", r)
	}
	n.Reorg(t, 1)
	if r := find(dear); r != nil {
		t.Errorf("its block is gone, and there is %+v", r)
	}

	before := n.Snapshot(t)
	n.Automine(t, false)
	late := send(evm.Tx{Type: 2, Nonce: 3, FeeCap: price})
	if r := find(late); r != nil {
		t.Errorf("no block was made, and there is %+v", r)
	}
	n.Mine(t, 1)
	if r := mined(late); r == nil || r.Status != "0x1" {
		t.Errorf("a block was made, and there is %+v", r)
	}
	n.Revert(t, before)
	if r := find(late); r != nil {
		t.Errorf("the chain is put back, and there is %+v", r)
	}
}
