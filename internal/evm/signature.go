package evm

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Signature is one of secp256k1 as chains take it: S is in the lower half of the
// order (EIP-2), and V is the recovery id 0 or 1.
type Signature struct {
	R, S [32]byte
	V    byte
}

// Bytes is R, S and 27+V, as wallets give signatures of messages.
func (s Signature) Bytes() (out [65]byte) {
	copy(out[:32], s.R[:])
	copy(out[32:64], s.S[:])
	out[64] = 27 + s.V
	return out
}

// Sender is the account whose key signed h. Another hash gives another account,
// so compare the result with the account that should have signed.
func (s Signature) Sender(h Hash) (Address, error) {
	if err := s.check(); err != nil {
		return Address{}, err
	}
	compact := append([]byte{27 + s.V}, s.R[:]...)
	key, _, err := ecdsa.RecoverCompact(append(compact, s.S[:]...), h[:])
	if err != nil {
		return Address{}, errSignature()
	}
	return addressOf(key), nil
}

// check holds R and S to 1..n-1, S to the lower half, and V to 0 and 1.
func (s Signature) check() error {
	var r, low secp256k1.ModNScalar
	if over := r.SetBytes(&s.R); over != 0 || r.IsZero() {
		return errSignature()
	}
	if over := low.SetBytes(&s.S); over != 0 || low.IsZero() || low.IsOverHalfOrder() || s.V > 1 {
		return errSignature()
	}
	return nil
}

// SignatureOf makes of the R and S that a key store gave the signature by the
// account: S lowered, V found. It fails when that account did not sign h.
func SignatureOf(h Hash, r, s [32]byte, by Address) (Signature, error) {
	var n secp256k1.ModNScalar
	if over := n.SetBytes(&s); over != 0 {
		return Signature{}, errSignature()
	}
	if n.IsOverHalfOrder() {
		s = n.Negate().Bytes()
	}
	for v := range byte(2) {
		sig := Signature{R: r, S: s, V: v}
		if who, err := sig.Sender(h); err == nil && who == by {
			return sig, nil
		}
	}
	return Signature{}, errSignature()
}

func errSignature() error {
	return fault.New(fault.Invalid, "invalid_signature", "This is not a signature by this account.")
}
