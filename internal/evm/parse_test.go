package evm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// samples has each type, with and without what may be missing.
func samples() []evm.Tx {
	to := evm.Address{0xde, 0xad}
	most := *new(uint256.Int).SetAllOne()
	access := []evm.AccessTuple{{Address: to, Keys: []evm.Hash{{1}, {2}}}, {Address: evm.Address{}}}
	long := bytes.Repeat([]byte{0x7f}, 300)
	return []evm.Tx{
		{ChainID: 1, To: &to},
		{ChainID: math.MaxUint64, Nonce: math.MaxUint64 - 1, Gas: math.MaxUint64, GasPrice: most, Value: most, Data: long},
		{ChainID: 110, Data: []byte{0}}, // V is 255 or 256
		{Type: 1, ChainID: 10, Nonce: 127, Gas: 128, To: &to, GasPrice: *uint256.NewInt(255), Access: access},
		{Type: 1, ChainID: math.MaxUint64, Data: []byte{0x80}, Access: access[1:]},
		{Type: 2, ChainID: 8453, Nonce: 1, Gas: 21_000, To: &to, FeeCap: most, TipCap: most, Value: *uint256.NewInt(1), Data: long[:55], Access: access},
		{Type: 2, ChainID: 1, Data: long[:56]},
	}
}

func signed(t testing.TB, tx evm.Tx) (raw []byte, hash evm.Hash, sig evm.Signature) {
	t.Helper()
	sig, err := mustKey(t, canary).Sign(tx.SigningHash())
	if err != nil {
		t.Fatal(err)
	}
	raw, hash = tx.Encode(sig)
	return raw, hash, sig
}

func TestATransactionIsReadAsItWasWritten(t *testing.T) {
	for i, want := range samples() {
		raw, hash, sig := signed(t, want)
		got, gotSig, err := evm.ParseTx(raw)
		if err != nil || gotSig != sig || !reflect.DeepEqual(got, want) {
			t.Errorf("sample %d is read as %+v, %+v, %v", i, got, gotSig, err)
		}
		if who, err := gotSig.Sender(got.SigningHash()); err != nil || who != mustKey(t, canary).Address() {
			t.Errorf("sample %d is signed by %s, %v", i, who, err)
		}
		if hash != evm.Keccak256(raw) {
			t.Errorf("sample %d has the hash %s", i, hash)
		}
	}
}

// TestEveryFieldIsSigned changes one field at a time.
func TestEveryFieldIsSigned(t *testing.T) {
	other := evm.Address{0xbe, 0xef}
	for i, tx := range samples() {
		seen := map[evm.Hash]string{}
		for what, change := range map[string]func(*evm.Tx){
			"nothing": func(*evm.Tx) {}, "chain": func(x *evm.Tx) { x.ChainID ^= 2 }, "nonce": func(x *evm.Tx) { x.Nonce ^= 2 }, "gas": func(x *evm.Tx) { x.Gas ^= 2 },
			"to": func(x *evm.Tx) { x.To = &other }, "value": func(x *evm.Tx) { x.Value[1] ^= 2 }, "data": func(x *evm.Tx) { x.Data = append([]byte{9}, x.Data...) },
			"price": func(x *evm.Tx) { x.GasPrice[3] ^= 2; x.FeeCap[3] ^= 2 }, "tip": func(x *evm.Tx) { x.TipCap[0] ^= 2 },
			"access": func(x *evm.Tx) { x.Access = append([]evm.AccessTuple{{}}, x.Access...) },
		} {
			if tx.Type != evm.DynamicFee && what == "tip" || tx.Type == evm.Legacy && what == "access" {
				continue
			}
			changed := tx
			change(&changed)
			h := changed.SigningHash()
			if same, ok := seen[h]; ok {
				t.Errorf("sample %d: %s and %s have one hash", i, what, same)
			}
			seen[h] = what
		}
	}
}

// TestAChangedTransactionIsRefusedOrAnother changes each bit, cuts off and adds
// bytes: what is still read has that encoding and no other.
func TestAChangedTransactionIsRefusedOrAnother(t *testing.T) {
	for i, tx := range samples() {
		raw, _, _ := signed(t, tx)
		for n := range raw {
			if _, _, err := evm.ParseTx(raw[:n]); err == nil {
				t.Errorf("sample %d: %d bytes are enough", i, n)
			}
			for bit := range 8 {
				bad := bytes.Clone(raw)
				bad[n] ^= 1 << bit
				rewritten(t, bad)
			}
		}
		if _, _, err := evm.ParseTx(append(bytes.Clone(raw), 0)); err == nil {
			t.Errorf("sample %d: a byte more is taken", i)
		}
	}
}

// rewritten fails when raw is read as a transaction whose encoding is another.
func rewritten(t *testing.T, raw []byte) {
	t.Helper()
	tx, sig, err := evm.ParseTx(raw)
	if err != nil {
		if k := fault.CodeOf(err); k != "invalid_transaction" && k != "invalid_signature" && !errors.Is(err, evm.ErrTxType) {
			t.Errorf("%x: %v", raw, err)
		}
		return
	}
	if again, _ := tx.Encode(sig); !bytes.Equal(again, raw) {
		t.Errorf("%x is read as a transaction that is written %x", raw, again)
	}
	if err := tx.Check(); err != nil {
		t.Errorf("%x: %v", raw, err)
	}
}

func TestOtherTypesAreNotSigned(t *testing.T) {
	raw, _, _ := signed(t, samples()[5])
	for _, typ := range []byte{0, 3, 4, 5, 0x7f} {
		raw[0] = typ
		if _, _, err := evm.ParseTx(raw); !errors.Is(err, evm.ErrTxType) {
			t.Errorf("type %d: %v", typ, err)
		}
	}
	for _, first := range []byte{0x80, 0xbf} {
		raw[0] = first
		if _, _, err := evm.ParseTx(raw); fault.CodeOf(err) != "invalid_transaction" {
			t.Errorf("first byte %x: %v", first, err)
		}
	}
}

// TestASignatureWithoutAChainIsRefused has V of 27 and 28, of 0, and of chain 0.
func TestASignatureWithoutAChainIsRefused(t *testing.T) {
	tx := evm.Tx{ChainID: 1, Gas: 1}
	raw, _, _ := signed(t, tx)
	at := len(raw) - 67 // R and S follow, each with its head
	for v := range byte(37) {
		bad := bytes.Clone(raw)
		bad[at] = v
		if v == 0 {
			bad[at] = 0x80
		}
		if _, _, err := evm.ParseTx(bad); fault.CodeOf(err) != "invalid_transaction" {
			t.Errorf("V of %d: %v", v, err)
		}
	}
	if _, _, err := evm.ParseTx(raw); err != nil {
		t.Error(err)
	}
}

func TestWhatNoChainTakes(t *testing.T) {
	one := *uint256.NewInt(1)
	for what, tx := range map[string]evm.Tx{
		"no chain": {}, "the last nonce": {ChainID: 1, Nonce: math.MaxUint64}, "a tip over the cap": {Type: 2, ChainID: 1, TipCap: one},
		"a price of type 2": {Type: 2, ChainID: 1, GasPrice: one}, "a cap of type 1": {Type: 1, ChainID: 1, FeeCap: one},
		"a tip of type 0": {ChainID: 1, TipCap: one, FeeCap: one}, "an access list of type 0": {ChainID: 1, Access: make([]evm.AccessTuple, 1)},
	} {
		if err := tx.Check(); fault.CodeOf(err) != "invalid_transaction" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, typ := range []byte{3, 4, 255} {
		if err := (&evm.Tx{Type: typ, ChainID: 1}).Check(); !errors.Is(err, evm.ErrTxType) {
			t.Errorf("type %d: %v", typ, err)
		}
	}
	for i, tx := range samples() {
		if err := tx.Check(); err != nil {
			t.Errorf("sample %d: %v", i, err)
		}
	}
}

// TestLengthsBeyondTheBytesCostNothing has heads that promise up to 2^64-1 bytes.
func TestLengthsBeyondTheBytesCostNothing(t *testing.T) {
	for _, s := range []string{
		"", "c0", "02", "02c0", "f8", "f800", "ff", "ffffffffffffffffff", "bfffffffffffffffff", "fbffffffff", "02fbffffffff00", "f8ff", "f90000", "f837" + "00",
		"02f800", "02ffffffffffffffffffff", "c1c0", "c9c9c9c9c9c9c9c9c9c9", "f838b838" + "00",
	} {
		raw, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1, func() {
			if _, _, err := evm.ParseTx(raw); err == nil {
				t.Errorf("%s is taken", s)
			}
		}); n > 20 {
			t.Errorf("%s takes %v allocations", s, n)
		}
	}
}

func FuzzParseTx(f *testing.F) {
	for _, tx := range samples() {
		raw, _, _ := signed(f, tx)
		f.Add(raw)
	}
	f.Fuzz(rewritten)
}
