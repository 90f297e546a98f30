//go:build pkcs11 && cgo

package pkcs11

import (
	"bytes"
	"context"
	"errors"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const pointSize = 65 // of an uncompressed public key

// secp256k1 names the curve: the object identifier 1.3.132.0.10 in DER (SEC 2, A.2.1).
var secp256k1 = []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}

var errNotTheSigner = errors.New("the signature is not by the account of the public key")

// CreateEVMKey has the token generate the key pair.
func (s *Store) CreateEVMKey(ctx context.Context, id string) error {
	return s.createEVM(ctx, id, func(sh p11.SessionHandle, label string, tag []byte) (func(), error) {
		return s.generatePair(sh, p11.CKM_EC_KEY_PAIR_GEN, secp256k1, label, tag)
	})
}

// ImportEVMKey gives the token the key, for good: it can't be read back. The module
// and the binding keep it for a moment in C memory, which they free without wiping.
func (s *Store) ImportEVMKey(ctx context.Context, id string, k evm.Key) error {
	if err := keystore.CheckEVMKey(k); err != nil {
		return err
	}
	return s.createEVM(ctx, id, func(sh p11.SessionHandle, label string, tag []byte) (func(), error) {
		return s.importPair(sh, k, label, tag)
	})
}

// createEVM makes room for the public half first: what a crash left of another
// key under this label would make the new one of no use.
func (s *Store) createEVM(ctx context.Context, id string, generate func(p11.SessionHandle, string, []byte) (func(), error)) error {
	if err := keystore.CheckID(id); err != nil {
		return err
	}
	return s.create(ctx, p11.CKO_PRIVATE_KEY, evmPrefix+id, func(sh p11.SessionHandle, label string, tag []byte) (func(), error) {
		if err := s.destroyAll(sh, p11.CKO_PUBLIC_KEY, label); err != nil {
			return nil, err
		}
		return generate(sh, label, tag)
	})
}

// importPair makes the private half last: it is what says that the key exists.
func (s *Store) importPair(sh p11.SessionHandle, k evm.Key, label string, tag []byte) (undo func(), err error) {
	pub, err := s.lib.CreateObject(sh, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, p11.CKO_PUBLIC_KEY),
		p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_EC),
		p11.NewAttribute(p11.CKA_EC_PARAMS, secp256k1),
		p11.NewAttribute(p11.CKA_EC_POINT, append([]byte{0x04, pointSize}, k.Public()...)),
		p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_ID, tag),
		p11.NewAttribute(p11.CKA_TOKEN, true),
		p11.NewAttribute(p11.CKA_VERIFY, true),
	})
	if err != nil {
		return nil, err
	}
	priv, err := s.lib.CreateObject(sh, append(privateKey(label, tag),
		p11.NewAttribute(p11.CKA_CLASS, p11.CKO_PRIVATE_KEY),
		p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_EC),
		p11.NewAttribute(p11.CKA_EC_PARAMS, secp256k1),
		p11.NewAttribute(p11.CKA_VALUE, k.Secret().Reveal()),
	))
	if err == nil {
		_, err = s.checkGuarded(sh, priv, guard{durable: true})
	}
	undo = func() {
		_ = s.lib.DestroyObject(sh, priv)
		_ = s.lib.DestroyObject(sh, pub)
	}
	if err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// EVMKey returns the key after it has signed something by the account of its
// public half: the token does not protect that object.
func (s *Store) EVMKey(ctx context.Context, id string) (keystore.EVMKey, error) {
	if err := keystore.CheckID(id); err != nil {
		return nil, err
	}
	k := &evmKey{store: s, label: evmPrefix + id}
	err := s.run(ctx, func(sh p11.SessionHandle) error {
		h := evm.Keccak256(newChallenge())
		r, sv, err := k.sign(sh, h)
		if err != nil {
			return err
		}
		if k.public, k.address, err = k.account(sh); err != nil {
			return err
		}
		if _, err := evm.SignatureOf(h, r, sv, k.address); err != nil {
			return keystore.Unusable(errNotTheSigner)
		}
		return nil
	})
	if err != nil {
		return nil, keystore.Named(id, err)
	}
	return k, nil
}

// EVMKeys reads the labels of all private keys.
func (s *Store) EVMKeys(ctx context.Context) ([]string, error) { return s.labelled(ctx, evmPrefix) }

// DestroyEVMKey destroys every object under the id, the private half first.
func (s *Store) DestroyEVMKey(ctx context.Context, id string) error {
	if err := keystore.CheckID(id); err != nil {
		return err
	}
	return s.destroy(ctx, evmPrefix+id, p11.CKO_PRIVATE_KEY, p11.CKO_PUBLIC_KEY)
}

// evmKey is a key in the token. It holds no handle, so that it goes on working
// after the token was away.
type evmKey struct {
	store   *Store
	label   string
	address evm.Address
	public  []byte
}

// Address is the account.
func (k *evmKey) Address() evm.Address { return k.address }

// Public is the public key.
func (k *evmKey) Public() []byte { return bytes.Clone(k.public) }

// Sign has the token sign. A key that took the id of this one is another.
func (k *evmKey) Sign(ctx context.Context, h evm.Hash) (sig evm.Signature, err error) {
	err = k.store.run(ctx, func(sh p11.SessionHandle) error {
		r, s, err := k.sign(sh, h)
		if err != nil {
			return err
		}
		if sig, err = evm.SignatureOf(h, r, s, k.address); err == nil {
			return nil
		}
		if _, now, err := k.account(sh); err == nil && now != k.address {
			return keystore.KeyNotFound()
		}
		return keystore.Unusable(errNotTheSigner)
	})
	return sig, err
}

// account reads the public half.
func (k *evmKey) account(sh p11.SessionHandle) ([]byte, evm.Address, error) {
	point, err := k.store.point(sh, k.label, pointSize)
	if err != nil {
		return nil, evm.Address{}, err
	}
	a, err := evm.AddressOf(point)
	if err != nil {
		return nil, evm.Address{}, keystore.Unusable(err)
	}
	return point, a, nil
}

// sign returns what the token made: S may be high, and V is not said.
func (k *evmKey) sign(sh p11.SessionHandle, h evm.Hash) (r, s [32]byte, err error) {
	err = k.store.use(sh, p11.CKO_PRIVATE_KEY, k.label, func(key p11.ObjectHandle) error {
		if err := k.store.lib.SignInit(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_ECDSA, nil)}, key); err != nil {
			return err
		}
		both, err := k.store.lib.Sign(sh, h[:])
		if err == nil && len(both) != len(r)+len(s) {
			err = errNotTheSigner
		}
		if err == nil {
			copy(r[:], both)
			copy(s[:], both[len(r):])
		}
		return err
	})
	return r, s, err
}
