package evm

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const keySize = 32

// Key is a private key of secp256k1. It does not print, as secret.Bytes does not.
// Copies share their memory: Wipe on one wipes them all.
type Key struct{ bytes secret.Bytes }

// NewKey makes a key. The caller should wipe it.
func NewKey() Key {
	b := make([]byte, keySize)
	for {
		_, _ = rand.Read(b) // it never fails
		if k := (Key{secret.New(b)}); k.good() {
			return k
		}
	}
}

// KeyOf takes the 32 bytes that Secret gives, and copies them: wipe both. Refused
// are 0 and numbers that are not below the order of the curve.
func KeyOf(raw []byte) (Key, error) {
	if len(raw) != keySize {
		return Key{}, errKey()
	}
	k := Key{secret.New(bytes.Clone(raw))}
	if !k.good() {
		k.Wipe()
		return Key{}, errKey()
	}
	return k, nil
}

// ParseKey takes 32 bytes, or 64 hexadecimal digits with or without 0x and with
// blanks around them, as people store keys. It copies what it takes: wipe both.
// Refused is what KeyOf refuses, and 32 bytes that are all text: a password or
// half a key, never a random number.
func ParseKey(text []byte) (Key, error) {
	if len(text) == keySize && !printable(text) {
		return KeyOf(text)
	}
	digits := bytes.TrimSpace(text)
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	if len(digits) != 2*keySize {
		return Key{}, errKey()
	}
	raw := make([]byte, keySize)
	defer clear(raw)
	if _, err := hex.Decode(raw, digits); err != nil {
		return Key{}, errKey() // the cause would hold a digit
	}
	return KeyOf(raw)
}

func printable(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

func errKey() error {
	return fault.New(fault.Invalid, "invalid_private_key", "A private key is 64 hexadecimal digits, with or without 0x, and a number that secp256k1 allows.")
}

// with calls f with the key, and wipes what was made for it. It reports false
// when the key is none.
func (k Key) with(f func(*secp256k1.PrivateKey)) (ok bool) {
	erase.Do(func() {
		var n secp256k1.ModNScalar
		b := k.bytes.Reveal()
		if len(b) != keySize || n.SetByteSlice(b) || n.IsZero() {
			return
		}
		key := secp256k1.NewPrivateKey(&n)
		f(key)
		key.Zero()
		n.Zero()
		ok = true
	})
	return ok
}

func (k Key) good() bool { return k.with(func(*secp256k1.PrivateKey) {}) }

// Address is the account of the key, and the zero address after Wipe.
func (k Key) Address() (a Address) {
	k.with(func(key *secp256k1.PrivateKey) { a = addressOf(key.PubKey()) })
	return a
}

// Public is the public key: 65 bytes, an uncompressed point (SEC 1, 2.3.3). It is
// nil after Wipe.
func (k Key) Public() (pub []byte) {
	k.with(func(key *secp256k1.PrivateKey) { pub = key.PubKey().SerializeUncompressed() })
	return pub
}

// Sign signs h with a nonce made of key and hash (RFC 6979): the same twice is
// the same signature. It fails after Wipe.
func (k Key) Sign(h Hash) (Signature, error) {
	var s Signature
	ok := k.with(func(key *secp256k1.PrivateKey) {
		compact := ecdsa.SignCompact(key, h[:], false)
		s.V = compact[0] - 27
		copy(s.R[:], compact[1:33])
		copy(s.S[:], compact[33:])
	})
	if !ok {
		return Signature{}, errKey()
	}
	return s, s.check()
}

// Secret is the 32 bytes of the key, big-endian, in the memory of the key itself.
func (k Key) Secret() secret.Bytes { return k.bytes }

// Wipe overwrites the key with zeros.
func (k Key) Wipe() { k.bytes.Wipe() }

// String returns a fixed text.
func (k Key) String() string { return k.bytes.String() }

// GoString returns a fixed text.
func (k Key) GoString() string { return k.bytes.GoString() }

// Format writes a fixed text for every verb.
func (k Key) Format(f fmt.State, verb rune) { k.bytes.Format(f, verb) }

// LogValue returns a fixed text.
func (k Key) LogValue() slog.Value { return k.bytes.LogValue() }

// MarshalText returns a fixed text; JSON and XML use it.
func (k Key) MarshalText() ([]byte, error) { return k.bytes.MarshalText() }

// GobEncode fails: a key is never serialised by accident.
func (k Key) GobEncode() ([]byte, error) { return k.bytes.GobEncode() }

// GobDecode fails, as GobEncode does.
func (k *Key) GobDecode(b []byte) error { return k.bytes.GobDecode(b) }
