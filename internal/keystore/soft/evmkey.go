package soft

import (
	"bytes"
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// CreateEVMKey makes the key and its file.
func (s *Store) CreateEVMKey(_ context.Context, id string) error {
	if err := s.usable(id); err != nil {
		return err
	}
	return s.create(kindEVM, id, func(key []byte) {
		k := evm.NewKey()
		copy(key, k.Secret().Reveal())
		k.Wipe()
	})
}

// ImportEVMKey writes the file.
func (s *Store) ImportEVMKey(_ context.Context, id string, k evm.Key) error {
	if err := s.usable(id); err != nil {
		return err
	}
	if err := keystore.CheckEVMKey(k); err != nil {
		return err
	}
	return s.create(kindEVM, id, func(key []byte) { copy(key, k.Secret().Reveal()) })
}

// EVMKey returns a handle on the key, which is looked for again at each use.
func (s *Store) EVMKey(_ context.Context, id string) (keystore.EVMKey, error) {
	if err := s.usable(id); err != nil {
		return nil, err
	}
	k, err := s.evmKeys.get(id)
	if err != nil {
		return nil, err
	}
	return &evmHandle{store: s, id: id, address: k.address, public: k.public}, nil
}

// EVMKeys reads the folder.
func (s *Store) EVMKeys(context.Context) ([]string, error) { return s.ids(kindEVM) }

// DestroyEVMKey zeroes the file, unlinks it and forgets the key.
func (s *Store) DestroyEVMKey(_ context.Context, id string) error {
	if err := s.usable(id); err != nil {
		return err
	}
	defer s.evmKeys.drop(id) // also after a failure: the file may have been zeroed already
	return s.destroy(kindEVM, id)
}

// evmKey is a key in memory.
type evmKey struct {
	key     evm.Key
	address evm.Address
	public  []byte
}

func newEVMKey(key []byte) (*evmKey, error) {
	k, err := evm.KeyOf(key)
	if err != nil {
		return nil, keystore.Unusable(err)
	}
	return &evmKey{key: k, address: k.Address(), public: k.Public()}, nil
}

// evmHandle is what a caller keeps: it holds no key.
type evmHandle struct {
	store   *Store
	id      string
	address evm.Address
	public  []byte
}

// Address is the account.
func (h *evmHandle) Address() evm.Address { return h.address }

// Public is the public key.
func (h *evmHandle) Public() []byte { return bytes.Clone(h.public) }

// Sign signs with the key that h was made of. One that took its id is another.
func (h *evmHandle) Sign(_ context.Context, hash evm.Hash) (evm.Signature, error) {
	if err := h.store.usable(h.id); err != nil {
		return evm.Signature{}, err
	}
	k, err := h.store.evmKeys.get(h.id)
	if err != nil {
		return evm.Signature{}, err
	}
	if k.address != h.address {
		return evm.Signature{}, keystore.KeyNotFound()
	}
	sig, err := k.key.Sign(hash)
	if err != nil {
		return evm.Signature{}, keystore.Unusable(err)
	}
	return sig, nil
}
