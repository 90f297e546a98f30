package soft

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"io"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// CreateSigner makes the key and its file.
func (s *Store) CreateSigner(_ context.Context, id string) error {
	if err := s.usable(id); err != nil {
		return err
	}
	return s.create(kindSigner, id, random)
}

// Signer returns the key; it works until the store is closed.
func (s *Store) Signer(_ context.Context, id string) (crypto.Signer, error) {
	if err := s.usable(id); err != nil {
		return nil, err
	}
	return s.signers.get(id)
}

// Signers reads the folder.
func (s *Store) Signers(context.Context) ([]string, error) { return s.ids(kindSigner) }

func (s *Store) ids(k kind) ([]string, error) {
	if s.closed.Load() {
		return nil, keystore.Unavailable(errClosed)
	}
	dir, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	return list(dir, k)
}

// signer is an Ed25519 key that stops working when its store is closed.
type signer struct {
	store *Store
	key   ed25519.PrivateKey
	pub   ed25519.PublicKey
}

// newSigner gets the seed of an Ed25519 key (RFC 8032).
func (s *Store) newSigner(seed []byte) (*signer, error) {
	key := ed25519.NewKeyFromSeed(seed)
	return &signer{store: s, key: key, pub: key.Public().(ed25519.PublicKey)}, nil
}

// Public returns an ed25519.PublicKey.
func (k *signer) Public() crypto.PublicKey { return k.pub }

// Sign signs the message itself: opts must be crypto.Hash(0).
func (k *signer) Sign(_ io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.store.closed.Load() {
		return nil, keystore.Unavailable(errClosed)
	}
	if err := keystore.CheckSign(opts); err != nil {
		return nil, err
	}
	sig := make([]byte, ed25519.SignatureSize)
	erase.Do(func() { copy(sig, ed25519.Sign(k.key, msg)) })
	return sig, nil
}
