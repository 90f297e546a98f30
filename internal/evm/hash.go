package evm

import (
	"encoding/hex"

	"golang.org/x/crypto/sha3"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Hash is 32 bytes of Keccak-256: of a transaction, a block, or what is signed.
type Hash [32]byte

// Keccak256 hashes the parts as if they were one. It is the hash of Ethereum
// (yellow paper, appendix A), which pads otherwise than SHA3-256.
func Keccak256(parts ...[]byte) Hash {
	d := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		_, _ = d.Write(p) // a hash takes everything
	}
	var h Hash
	d.Sum(h[:0])
	return h
}

// ParseHash takes 0x and 64 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if !fromHex(h[:], s) {
		return Hash{}, fault.New(fault.Invalid, "invalid_hash", "A hash is 0x and 64 hexadecimal digits.")
	}
	return h, nil
}

// String is 0x and 64 lower-case digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText is String, for JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHash, for JSON.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHash(string(text))
	return err
}

// fromHex fills all of to with the digits after 0x.
func fromHex(to []byte, s string) bool {
	if len(s) != 2+2*len(to) || s[:2] != "0x" {
		return false
	}
	_, err := hex.Decode(to, []byte(s[2:]))
	return err == nil
}
