package soft

import (
	"context"
	"crypto/aes"
	"crypto/cipher"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const (
	keySize      = 32
	nonceSize    = 12
	tagSize      = 16
	gcmOverhead  = nonceSize + tagSize
	wrapFormat   = 1 // first byte of what Wrap returns: format, nonce, ciphertext, tag
	wrapOverhead = 1 + gcmOverhead
)

// CreateKEK makes the key and its file.
func (s *Store) CreateKEK(_ context.Context, id string) error {
	if err := s.usable(id); err != nil {
		return err
	}
	return s.create(kindKEK, id, random)
}

// Wrap encrypts dek. It touches the disk only for a key that is not in memory,
// and once a second to see that the key is still there.
func (s *Store) Wrap(_ context.Context, id string, dek, aad []byte) ([]byte, error) {
	if err := keystore.CheckDEK(dek); err != nil {
		return nil, err
	}
	kek, err := s.kek(id)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 1, wrapOverhead+len(dek))
	out[0] = wrapFormat
	erase.Do(func() { out = kek.Seal(out, nil, dek, aad) })
	return out, nil
}

// Unwrap reverses Wrap.
func (s *Store) Unwrap(_ context.Context, id string, wrapped, aad []byte) ([]byte, error) {
	kek, err := s.kek(id)
	if err != nil {
		return nil, err
	}
	if len(wrapped) <= wrapOverhead || len(wrapped) > wrapOverhead+keystore.MaxDEK || wrapped[0] != wrapFormat {
		return nil, keystore.UnwrapFailed()
	}
	dek := make([]byte, 0, len(wrapped)-wrapOverhead)
	erase.Do(func() { dek, err = kek.Open(dek, nil, wrapped[1:], aad) })
	if err != nil {
		return nil, keystore.UnwrapFailed()
	}
	return dek, nil
}

// DestroyKEK zeroes the file, unlinks it and forgets the key.
func (s *Store) DestroyKEK(_ context.Context, id string) error {
	if err := s.usable(id); err != nil {
		return err
	}
	// Also after a failure: the file may have been zeroed already.
	defer s.keks.drop(id)
	return s.destroy(kindKEK, id)
}

func (s *Store) kek(id string) (cipher.AEAD, error) {
	if err := s.usable(id); err != nil {
		return nil, err
	}
	return s.keks.get(id)
}

// newKEK makes the ready cipher. The nonces are random: 96 bits, so a KEK is
// good for 2^32 wraps, one for each version of a vault's secrets.
func newKEK(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
