package keystore

import (
	"crypto"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// CheckSign accepts only crypto.Hash(0): an Ed25519 signer signs the message
// itself, and a caller that hashed it first would get a signature that nobody
// can verify.
func CheckSign(opts crypto.SignerOpts) error {
	if opts == nil || opts.HashFunc() != crypto.Hash(0) {
		return fault.New(fault.Invalid, "invalid_signer_options", "An Ed25519 key signs the message itself: pass crypto.Hash(0).")
	}
	return nil
}
