// Package soft is the keystore for a machine without an HSM: a folder of small
// files, each a key wrapped by one root key.
//
// Its promises: no key is on disk in the clear but the root key, and that one
// only when no passphrase was given; a key that was created is durable and is
// never overwritten; a key that was destroyed is zeroed on disk before it is
// unlinked. Several processes may share the folder: a key that one creates is
// found by the others at once, and one that is destroyed is dead in its own
// process at once and in the others within a second.
package soft

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Config says where the keys are.
type Config struct {
	Dir        string           // made with mode 0700 when it is not there
	Passphrase secret.Bytes     // seals the root key; empty leaves it in the clear (mode 0600)
	Now        func() time.Time // nil means the clock of the machine
}

// Store is a keystore.KeyStore over a folder.
type Store struct {
	dir     string
	now     func() time.Time
	root    cipher.AEAD       // wraps the key files
	rootSum [sha256.Size]byte // of the root file: tells our folder from another one
	keks    *cache[cipher.AEAD]
	signers *cache[*signer]
	evmKeys *cache[*evmKey]
	closed  atomic.Bool
}

var _ keystore.KeyStore = (*Store)(nil)

// Open opens the folder, and makes it with a new root key when it is empty or
// not there. It fails when the root key is missing although there are keys,
// when others could read it, when the passphrase is wrong, and when it is not
// the root key of the keys that are there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, keystore.Unavailable(err)
	}
	s := &Store{dir: cfg.Dir, now: cfg.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if err := makeDir(s.dir); err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, keystore.Unavailable(err)
	}
	defer func() { _ = dir.Close() }()
	if err := s.openRoot(dir, cfg.Passphrase); err != nil {
		return nil, err
	}
	if err := s.checkRoot(dir); err != nil {
		return nil, err
	}
	s.keks = newCache(s, kindKEK, newKEK)
	s.signers = newCache(s, kindSigner, s.newSigner)
	s.evmKeys = newCache(s, kindEVM, newEVMKey)
	return s, nil
}

// Health reads the root file: a folder that is away, or has been replaced by
// another, is not connected. What was cached is dropped then, so that the other
// methods say the same.
func (s *Store) Health(context.Context) keystore.Health {
	connected := false
	if !s.closed.Load() {
		if dir, err := s.folder(); err == nil {
			connected = dir.Close() == nil
		}
	}
	if !connected {
		s.clear()
	}
	return keystore.Health{Provider: "soft", Connected: connected}
}

// Close drops all keys from memory.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.clear()
	return nil
}

func (s *Store) clear() {
	s.keks.clear()
	s.signers.clear()
	s.evmKeys.clear()
}

func (s *Store) usable(id string) error {
	if s.closed.Load() {
		return keystore.Unavailable(errClosed)
	}
	return keystore.CheckID(id)
}

var errClosed = errors.New("the keystore is closed")
