package evm_test

import (
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// high is the other S of a signature, n - s.
func high(t *testing.T, s [32]byte) (out [32]byte) {
	t.Helper()
	n, ok := new(big.Int).SetString(order, 16)
	if !ok {
		t.Fatal("the order is no number")
	}
	n.Sub(n, new(big.Int).SetBytes(s[:])).FillBytes(out[:])
	return out
}

// TestSignaturesOfAKeyStoreAreMadeTheOnesOfChains gives R and S as an HSM does:
// S high half of the time, V unknown.
func TestSignaturesOfAKeyStoreAreMadeTheOnesOfChains(t *testing.T) {
	k := evm.NewKey()
	seen := map[byte]bool{}
	for i := range 32 {
		h := evm.Keccak256([]byte{byte(i)})
		want, err := k.Sign(h)
		if err != nil {
			t.Fatal(err)
		}
		seen[want.V] = true
		for _, s := range [][32]byte{want.S, high(t, want.S)} {
			if got, err := evm.SignatureOf(h, want.R, s, k.Address()); err != nil || got != want {
				t.Errorf("%x, %v, want %x", got.Bytes(), err, want.Bytes())
			}
		}
	}
	if !seen[0] || !seen[1] {
		t.Errorf("32 signatures have the recovery ids %v", seen)
	}
}

func TestWhatIsNoSignature(t *testing.T) {
	k := evm.NewKey()
	h := evm.Hash{1}
	good, err := k.Sign(h)
	if err != nil {
		t.Fatal(err)
	}
	var n, above, zero [32]byte
	if _, err := hex.Decode(n[:], []byte(order)); err != nil {
		t.Fatal(err)
	}
	for i := range above {
		above[i] = 0xff
	}
	for what, s := range map[string]evm.Signature{
		"R of 0": {R: zero, S: good.S}, "S of 0": {R: good.R, S: zero}, "R of the order": {R: n, S: good.S}, "S of the order": {R: good.R, S: n},
		"R above": {R: above, S: good.S}, "S above": {R: good.R, S: above}, "S high": {R: good.R, S: high(t, good.S), V: good.V ^ 1},
		"V of 2": {R: good.R, S: good.S, V: 2}, "V of 27": {R: good.R, S: good.S, V: 27}, "nothing": {},
	} {
		if who, err := s.Sender(h); fault.CodeOf(err) != "invalid_signature" {
			t.Errorf("%s is a signature by %s, %v", what, who, err)
		}
		if what == "S high" || what[0] == 'V' {
			continue // SignatureOf mends these
		}
		if _, err := evm.SignatureOf(h, s.R, s.S, k.Address()); fault.CodeOf(err) != "invalid_signature" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := evm.SignatureOf(h, good.R, good.S, evm.NewKey().Address()); fault.CodeOf(err) != "invalid_signature" {
		t.Errorf("by another account: %v", err)
	}
	if _, err := evm.SignatureOf(evm.Hash{2}, good.R, good.S, k.Address()); fault.CodeOf(err) != "invalid_signature" {
		t.Errorf("of another hash: %v", err)
	}
}
