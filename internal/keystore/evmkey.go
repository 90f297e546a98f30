package keystore

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// EVMKey signs for one account of Ethereum, inside the store. It may be kept:
// it works again after the store was away, and with CodeKeyNotFound no more after
// the key was destroyed, at once in the process that destroyed it and within a
// second in the others.
type EVMKey interface {
	// Address is the account.
	Address() evm.Address
	// Public is the public key: 65 bytes, an uncompressed point (SEC 1, 2.3.3).
	Public() []byte
	// Sign signs the hash. The signature is one that chains take, of this account.
	Sign(ctx context.Context, h evm.Hash) (evm.Signature, error)
}

// CheckEVMKey refuses a key that was wiped or never filled.
func CheckEVMKey(k evm.Key) error {
	if k.Address().IsZero() {
		return fault.New(fault.Invalid, CodeInvalidEVMKey, "This is no private key of secp256k1.")
	}
	return nil
}
