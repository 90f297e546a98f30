package evm_test

import (
	"encoding/hex"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// TestTheExampleOfEIP155 is the transaction, the key and the bytes that EIP-155 gives.
func TestTheExampleOfEIP155(t *testing.T) {
	to, err := evm.ParseAddress("0x3535353535353535353535353535353535353535")
	if err != nil {
		t.Fatal(err)
	}
	key, err := evm.ParseKey([]byte("0x4646464646464646464646464646464646464646464646464646464646464646"))
	if err != nil {
		t.Fatal(err)
	}
	tx := evm.Tx{ChainID: 1, Nonce: 9, GasPrice: *uint256.NewInt(20_000_000_000), Gas: 21_000, To: &to, Value: *uint256.NewInt(1_000_000_000_000_000_000)}
	h := tx.SigningHash()
	if want := "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"; h.String() != want {
		t.Errorf("the hash to sign is %s, want %s", h, want)
	}
	sig, err := key.Sign(h)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tx.Encode(sig)
	want := "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
	if got := hex.EncodeToString(raw); got != want {
		t.Errorf("encoded as %s, want %s", got, want)
	}
	if who, err := sig.Sender(h); err != nil || who != key.Address() {
		t.Errorf("signed by %s, %v, want %s", who, err, key.Address())
	}
}
