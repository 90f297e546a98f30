package evm

import (
	"encoding/hex"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Address is an account or a contract.
type Address [20]byte

// ParseAddress takes 0x and 40 hexadecimal digits. Digits of both cases must be
// the checksum of EIP-55: a mistyped address is refused. Digits of one case have
// no checksum.
func ParseAddress(s string) (Address, error) {
	var a Address
	if !fromHex(a[:], s) {
		return Address{}, fault.New(fault.Invalid, "invalid_address", "An address is 0x and 40 hexadecimal digits.")
	}
	digits := s[2:]
	if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && s != a.String() {
		return Address{}, fault.New(fault.Invalid, "invalid_address_checksum",
			"The capital letters of this address are not its checksum (EIP-55): a digit may be wrong.")
	}
	return a, nil
}

// AddressOf is the account of a public key: 64 bytes, or 65 with the 0x04 of an
// uncompressed point (SEC 1, 2.3.3). It must be a point of secp256k1.
func AddressOf(pub []byte) (Address, error) {
	if len(pub) == 64 {
		pub = append([]byte{4}, pub...)
	}
	if len(pub) != 65 || pub[0] != 4 {
		return Address{}, errPublicKey()
	}
	key, err := secp256k1.ParsePubKey(pub)
	if err != nil {
		return Address{}, errPublicKey()
	}
	return addressOf(key), nil
}

func addressOf(key *secp256k1.PublicKey) Address {
	h := Keccak256(key.SerializeUncompressed()[1:])
	return Address(h[12:])
}

func errPublicKey() error {
	return fault.New(fault.Invalid, "invalid_public_key", "This is not a public key of secp256k1.")
}

// String is 0x and 40 digits, some of them capital, which is a checksum (EIP-55).
func (a Address) String() string {
	text := []byte(hex.EncodeToString(a[:]))
	sum := Keccak256(text)
	for i, c := range text {
		nibble := sum[i/2] >> 4
		if i%2 == 1 {
			nibble = sum[i/2] & 15
		}
		if c >= 'a' && nibble >= 8 {
			text[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(text)
}

// IsZero reports the address that nobody has a key of.
func (a Address) IsZero() bool { return a == Address{} }

// MarshalText is String, for JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseAddress, for JSON.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}
