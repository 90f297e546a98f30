package evm_test

import (
	"bytes"
	"crypto/ecdsa"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

const each = 1000 // transactions of each type

// random makes values with a bias to the edges of their encodings. The seed is
// fixed: a failure comes again.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 1559))} }

func (r random) uint64() uint64 { return r.Uint64() >> (r.IntN(8) * 8) >> r.IntN(8) }

func (r random) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (r random) amount() (v uint256.Int) {
	v.SetBytes(r.bytes(r.IntN(33)))
	return v
}

func (r random) data() []byte {
	if n := []int{0, 0, 1, 4, 36, 55, 56, 57, 68, 255, 256, 1000}[r.IntN(12)]; n > 0 {
		return r.bytes(n)
	}
	return nil
}

func (r random) tx(typ byte) evm.Tx {
	t := evm.Tx{Type: typ, ChainID: r.uint64()>>uint(r.IntN(2)*40) | 1, Nonce: r.uint64() >> 1, Gas: r.uint64(), Value: r.amount(), Data: r.data()}
	if r.IntN(8) > 0 {
		t.To = (*evm.Address)(r.bytes(20))
	}
	if typ == evm.DynamicFee {
		t.TipCap, t.FeeCap = r.amount(), r.amount()
		if t.TipCap.Gt(&t.FeeCap) {
			t.TipCap, t.FeeCap = t.FeeCap, t.TipCap
		}
	} else {
		t.GasPrice = r.amount()
	}
	for range r.IntN(4) * int(min(typ, 1)) {
		a := evm.AccessTuple{Address: evm.Address(r.bytes(20))}
		for range r.IntN(4) {
			a.Keys = append(a.Keys, evm.Hash(r.bytes(32)))
		}
		t.Access = append(t.Access, a)
	}
	return t
}

func (r random) key(t *testing.T) (evm.Key, *ecdsa.PrivateKey) {
	t.Helper()
	raw := r.bytes(32)
	ours, err := evm.KeyOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := crypto.ToECDSA(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// theirs is the same transaction in go-ethereum's types.
func theirs(t *evm.Tx) (*types.Transaction, types.Signer) {
	chain := new(big.Int).SetUint64(t.ChainID)
	var access types.AccessList
	for _, a := range t.Access {
		tuple := types.AccessTuple{Address: common.Address(a.Address), StorageKeys: []common.Hash{}}
		for _, k := range a.Keys {
			tuple.StorageKeys = append(tuple.StorageKeys, common.Hash(k))
		}
		access = append(access, tuple)
	}
	var inner types.TxData
	to := (*common.Address)(t.To)
	switch t.Type {
	case evm.Legacy:
		inner = &types.LegacyTx{Nonce: t.Nonce, GasPrice: t.GasPrice.ToBig(), Gas: t.Gas, To: to, Value: t.Value.ToBig(), Data: t.Data}
	case evm.AccessList:
		inner = &types.AccessListTx{ChainID: chain, Nonce: t.Nonce, GasPrice: t.GasPrice.ToBig(), Gas: t.Gas, To: to, Value: t.Value.ToBig(), Data: t.Data, AccessList: access}
	default:
		inner = &types.DynamicFeeTx{ChainID: chain, Nonce: t.Nonce, GasTipCap: t.TipCap.ToBig(), GasFeeCap: t.FeeCap.ToBig(), Gas: t.Gas, To: to, Value: t.Value.ToBig(), Data: t.Data, AccessList: access}
	}
	return types.NewTx(inner), types.LatestSignerForChainID(chain)
}

func TestTransactionsAreThoseOfGoEthereum(t *testing.T) {
	for typ := range byte(3) {
		r := newRandom(uint64(typ))
		for i := range each {
			tx := r.tx(typ)
			key, other := r.key(t)
			sig, err := key.Sign(tx.SigningHash())
			if err != nil {
				t.Fatal(err)
			}
			raw, hash := tx.Encode(sig)

			unsigned, signer := theirs(&tx)
			if h := signer.Hash(unsigned); h != common.Hash(tx.SigningHash()) {
				t.Fatalf("type %d, %d: the hash to sign is %s, theirs %s", typ, i, tx.SigningHash(), h)
			}
			signed, err := types.SignTx(unsigned, signer, other)
			if err != nil {
				t.Fatal(err)
			}
			want, err := signed.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, want) || signed.Hash() != common.Hash(hash) {
				t.Fatalf("type %d, %d: encoded as\n%x, theirs\n%x", typ, i, raw, want)
			}

			back, backSig, err := evm.ParseTx(want)
			if err != nil {
				t.Fatalf("type %d, %d: their encoding: %v", typ, i, err)
			}
			who, err := backSig.Sender(back.SigningHash())
			from, err2 := types.Sender(signer, signed)
			if err != nil || err2 != nil || from != common.Address(who) || who != key.Address() || who.String() != from.Hex() {
				t.Fatalf("type %d, %d: signed by %s, %v, theirs %s, %v", typ, i, who, err, from, err2)
			}
		}
	}
}

// TestWhatGoEthereumRefusesIsRefused changes bytes of signed transactions. Whatever is
// still taken must be taken by go-ethereum, with the same hash and sender.
func TestWhatGoEthereumRefusesIsRefused(t *testing.T) {
	r := newRandom(7)
	taken := 0
	for range 20 * each {
		tx := r.tx(byte(r.IntN(3)))
		tx.Data = tx.Data[:min(len(tx.Data), 60)]
		sig := evm.Signature{R: [32]byte(r.bytes(32)), S: [32]byte(r.bytes(32)), V: byte(r.IntN(2))}
		sig.S[0] &= 0x7f
		raw, _ := tx.Encode(sig)
		for range r.IntN(3) {
			switch at := r.IntN(len(raw)); r.IntN(4) {
			case 0:
				raw[at] ^= 1 << r.IntN(8)
			case 1:
				raw[at] = []byte{0, 1, 0x7f, 0x80, 0x81, 0xb7, 0xb8, 0xc0, 0xf7, 0xf8, 0xff}[r.IntN(11)]
			case 2:
				raw = append(raw[:at:at], raw[at+1:]...)
			case 3:
				raw = append(raw[:at:at], append([]byte{byte(r.Uint32())}, raw[at:]...)...)
			}
		}
		got, gotSig, err := evm.ParseTx(raw)
		if err != nil {
			continue
		}
		taken++
		var other types.Transaction
		if err := other.UnmarshalBinary(raw); err != nil {
			t.Fatalf("%x is taken, and refused by go-ethereum: %v", raw, err)
		}
		_, hash := got.Encode(gotSig)
		if other.Hash() != common.Hash(hash) {
			t.Fatalf("%x has the hash %s, theirs %s", raw, hash, other.Hash())
		}
		_, signer := theirs(&got)
		who, err := gotSig.Sender(got.SigningHash())
		from, err2 := types.Sender(signer, &other)
		if (err == nil) != (err2 == nil) || err == nil && common.Address(who) != from {
			t.Fatalf("%x is signed by %s, %v, theirs %s, %v", raw, who, err, from, err2)
		}
	}
	if taken < each {
		t.Errorf("only %d of %d were taken: the test compares little", taken, 20*each)
	}
}
