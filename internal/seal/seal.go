// Package seal encrypts the value of one secret version.
//
// Its promise: a Box opens only in the row it was sealed for. Each value has a
// random key of its own (the DEK), which the vault's key (the KEK) wraps inside
// the keystore. Both the wrapped DEK and the ciphertext are bound to
// organisation, vault, path and version: swap any of these, or one half of a
// Box, and it fails with the one fault CodeOpenFailed.
//
// DEKs are wiped after use, and so is a plaintext that did not authenticate. In
// a build with runtime/secret (see package erase) the stack, the registers and
// the key schedules go too, and the opened value itself is zeroed by the garbage
// collector should a caller forget to wipe it.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// CodeOpenFailed is the code of a Box that does not open here, whatever the
// reason. Its kind is fault.Damaged.
const CodeOpenFailed = "value_damaged"

const (
	format   = 1 // first byte of both halves: format, then what the half holds
	dekSize  = 32
	overhead = 1 + 12 + 16 // format, nonce, tag
)

// Box is a sealed value, as it is stored. Each half begins with a format byte.
type Box struct {
	WrappedDEK []byte
	Ciphertext []byte
}

// Size is how many bytes the value in it has.
func (b *Box) Size() int { return max(len(b.Ciphertext)-overhead, 0) }

// Sealer seals and opens values under the KEKs of a keystore.
type Sealer struct{ keys keystore.KeyStore }

// New returns a Sealer over keys.
func New(keys keystore.KeyStore) *Sealer { return &Sealer{keys: keys} }

// Seal encrypts value for the row r. The value is not wiped: it is the caller's.
// A key that is damaged is CodeKeyLost; one that is not there is the caller's to
// make, and stays keystore.CodeKeyNotFound.
func (s *Sealer) Seal(ctx context.Context, kek string, r Ref, value secret.Bytes) (Box, error) {
	aad := r.AAD()
	dek := make([]byte, dekSize)
	defer clear(dek)
	rand.Read(dek) // never fails: crypto/rand stops the program instead
	// Not within erase.Do: a keystore may have to call C.
	wrapped, err := s.keys.Wrap(ctx, kek, dek, aad)
	if err != nil {
		return Box{}, fmt.Errorf("seal: %w", unusable(err))
	}
	// Made outside Do: a Box is no secret and lives long.
	sealed := make([]byte, 1, overhead+value.Len())
	sealed[0] = format
	erase.Do(func() {
		var aead cipher.AEAD
		if aead, err = newAEAD(dek); err == nil {
			sealed = aead.Seal(sealed, nil, value.Reveal(), aad)
		}
	})
	if err != nil {
		return Box{}, fmt.Errorf("seal: %w", err)
	}
	return Box{WrappedDEK: append(append(make([]byte, 0, 1+len(wrapped)), format), wrapped...), Ciphertext: sealed}, nil
}

// Open decrypts the box of the row r. The caller wipes the value. Besides
// CodeOpenFailed it fails with CodeKeyLost when the key is damaged, and else as the
// keystore does: keystore.CodeKeyNotFound when the key has been destroyed, fault.Unavailable when the store is away.
func (s *Sealer) Open(ctx context.Context, kek string, r Ref, b Box) (secret.Bytes, error) {
	if len(b.WrappedDEK) < 2 || b.WrappedDEK[0] != format ||
		len(b.Ciphertext) < overhead || b.Ciphertext[0] != format {
		return secret.Bytes{}, openFailed()
	}
	aad := r.AAD()
	dek, err := s.keys.Unwrap(ctx, kek, b.WrappedDEK[1:], aad)
	if fault.CodeOf(err) == keystore.CodeUnwrapFailed {
		return secret.Bytes{}, openFailed()
	}
	if err != nil {
		return secret.Bytes{}, fmt.Errorf("open: %w", unusable(err))
	}
	defer clear(dek)
	if len(dek) != dekSize {
		return secret.Bytes{}, openFailed()
	}
	var plain []byte
	erase.Do(func() { plain, err = open(dek, b.Ciphertext[1:], aad) })
	if err != nil {
		return secret.Bytes{}, openFailed()
	}
	return secret.New(plain), nil
}

// OldKeyError says that Rewrap failed at the key that a box has now, so that the
// box is to blame and not the key that it should get.
type OldKeyError struct{ Err error }

// Error implements error.
func (e *OldKeyError) Error() string { return "unwrap: " + e.Err.Error() }

// Unwrap returns the failure itself.
func (e *OldKeyError) Unwrap() error { return e.Err }

// Rewrap takes the wrapped DEK of the row r, and returns it wrapped by another
// KEK. The ciphertext that goes with it stays as it is. A failure to unwrap is an
// *OldKeyError with the faults of Open.
func (s *Sealer) Rewrap(ctx context.Context, from, to string, r Ref, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 2 || wrapped[0] != format {
		return nil, &OldKeyError{openFailed()}
	}
	aad := r.AAD()
	dek, err := s.keys.Unwrap(ctx, from, wrapped[1:], aad)
	if fault.CodeOf(err) == keystore.CodeUnwrapFailed {
		err = openFailed()
	}
	if err != nil {
		return nil, &OldKeyError{unusable(err)}
	}
	defer clear(dek)
	again, err := s.keys.Wrap(ctx, to, dek, aad)
	if err != nil {
		return nil, fmt.Errorf("rewrap: %w", unusable(err))
	}
	return append(append(make([]byte, 0, 1+len(again)), format), again...), nil
}

// CodeKeyLost is the code of a Box whose key the keystore has not got, or can't use.
const CodeKeyLost = "vault_key_lost"

// KeyLost turns what the keystore says of a key that is not there, or is damaged,
// into a failure of what is stored: the Box is there, so its key should be. Other
// errors it returns as they are.
func KeyLost(err error) error {
	switch fault.CodeOf(err) {
	case keystore.CodeKeyNotFound, keystore.CodeKeyUnusable:
		return fault.Wrap(err, fault.Damaged, CodeKeyLost, "The keystore has not got the key that this was sealed with, or the key is damaged.")
	}
	return err
}

// unusable is KeyLost for a key that is there and damaged.
func unusable(err error) error {
	if fault.CodeOf(err) == keystore.CodeKeyUnusable {
		return KeyLost(err)
	}
	return err
}

// open runs within erase.Do, so the plaintext is made there: it is zeroed when
// nobody refers to it any more, also when the caller forgot to wipe it.
func open(dek, sealed, aad []byte) ([]byte, error) {
	aead, err := newAEAD(dek)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed)-aead.Overhead())
	if _, err := aead.Open(plain[:0], nil, sealed, aad); err != nil {
		clear(plain)
		return nil, err
	}
	return plain, nil
}

// openFailed says nothing of what did not match: not in the code, the detail
// or a cause.
func openFailed() error {
	return fault.New(fault.Damaged, CodeOpenFailed, "The stored value does not open: it was altered or belongs to another row.")
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
