//go:build pkcs11 && cgo

package pkcs11

import (
	"context"
	"crypto/rand"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// What Wrap returns: format byte, nonce, ciphertext, tag.
const (
	wrapFormat   = 1
	nonceSize    = 12
	tagSize      = 16
	wrapOverhead = 1 + nonceSize + tagSize
)

// CreateKEK has the token generate the key.
func (s *Store) CreateKEK(ctx context.Context, id string) error {
	if err := keystore.CheckID(id); err != nil {
		return err
	}
	return s.create(ctx, p11.CKO_SECRET_KEY, kekPrefix+id, s.generateAES)
}

// create makes a key under label. A retry after a lost answer finds its own tag
// and is content.
func (s *Store) create(ctx context.Context, class uint, label string,
	generate func(p11.SessionHandle, string, []byte) (undo func(), err error)) error {
	s.making.Lock()
	defer s.making.Unlock()
	tag := newTag()
	return s.run(ctx, func(sh p11.SessionHandle) error {
		found, err := s.find(sh, class, label)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			if id, err := s.attribute(sh, found[0], p11.CKA_ID); err == nil && string(id) == string(tag) {
				return nil
			}
			return keystore.KeyExists()
		}
		if err := s.tryProbe(sh); err != nil { // not in a token that took the place of ours
			return err
		}
		undo, err := generate(sh, label, tag)
		if err != nil {
			return err
		}
		if found, err = s.find(sh, class, label); err == nil && len(found) > 1 {
			undo() // another process was at it too
			return keystore.KeyExists()
		}
		return err
	})
}

func (s *Store) generateAES(sh p11.SessionHandle, label string, tag []byte) (func(), error) {
	obj, err := s.lib.GenerateKey(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_KEY_GEN, nil)}, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, p11.CKO_SECRET_KEY),
		p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_AES),
		p11.NewAttribute(p11.CKA_VALUE_LEN, 32),
		p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_ID, tag),
		p11.NewAttribute(p11.CKA_TOKEN, true),
		p11.NewAttribute(p11.CKA_PRIVATE, true),
		p11.NewAttribute(p11.CKA_SENSITIVE, true),
		p11.NewAttribute(p11.CKA_EXTRACTABLE, false),
		p11.NewAttribute(p11.CKA_ENCRYPT, true),
		p11.NewAttribute(p11.CKA_DECRYPT, true),
		p11.NewAttribute(p11.CKA_SIGN, false),
		p11.NewAttribute(p11.CKA_VERIFY, false),
		p11.NewAttribute(p11.CKA_WRAP, false),
		p11.NewAttribute(p11.CKA_UNWRAP, false),
	})
	if err != nil {
		return nil, err
	}
	undo := func() { _ = s.lib.DestroyObject(sh, obj) }
	if _, err := s.checkGuarded(sh, obj, guard{made: true, durable: true}); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// Wrap encrypts inside the token.
func (s *Store) Wrap(ctx context.Context, id string, dek, aad []byte) ([]byte, error) {
	if err := keystore.CheckID(id); err != nil {
		return nil, err
	}
	if err := keystore.CheckDEK(dek); err != nil {
		return nil, err
	}
	var out []byte
	err := s.run(ctx, func(sh p11.SessionHandle) error {
		return s.use(sh, p11.CKO_SECRET_KEY, kekPrefix+id, func(kek p11.ObjectHandle) (err error) {
			out, err = s.encrypt(sh, kek, dek, aad)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Unwrap decrypts inside the token. The module and the binding keep the data
// key for a moment in C memory, which they free without wiping; package erase
// can't help there.
func (s *Store) Unwrap(ctx context.Context, id string, wrapped, aad []byte) ([]byte, error) {
	if err := keystore.CheckID(id); err != nil {
		return nil, err
	}
	wellFormed := len(wrapped) > wrapOverhead && len(wrapped) <= wrapOverhead+keystore.MaxDEK && wrapped[0] == wrapFormat
	var dek []byte
	err := s.run(ctx, func(sh p11.SessionHandle) error {
		return s.use(sh, p11.CKO_SECRET_KEY, kekPrefix+id, func(kek p11.ObjectHandle) (err error) {
			if !wellFormed { // only now: an unknown key is told first, as for any other input
				return keystore.UnwrapFailed()
			}
			dek, err = s.decrypt(sh, kek, wrapped, aad)
			if unauthentic(err) || vague(err) && s.tryProbe(sh) == nil {
				return errUnauthentic
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return dek, nil
}

// DestroyKEK destroys every object under the id.
func (s *Store) DestroyKEK(ctx context.Context, id string) error {
	if err := keystore.CheckID(id); err != nil {
		return err
	}
	return s.destroy(ctx, kekPrefix+id, p11.CKO_SECRET_KEY)
}

func (s *Store) destroy(ctx context.Context, label string, classes ...uint) error {
	return s.run(ctx, func(sh p11.SessionHandle) error {
		// Destroyed means that nothing opens: the copy goes with the key. Last,
		// so that no caller who still finds the key makes another one.
		defer s.drop(sh, label, nil)
		for _, class := range classes {
			if err := s.destroyAll(sh, class, label); err != nil {
				return err
			}
		}
		return s.tryProbe(sh) // no answer from a token that is away
	})
}

func (s *Store) destroyAll(sh p11.SessionHandle, class uint, label string) error {
	found, err := s.find(sh, class, label)
	if err != nil {
		return err
	}
	for _, obj := range found {
		if err := s.lib.DestroyObject(sh, obj); err != nil && !stale(err) {
			return err
		}
	}
	return nil
}

func (s *Store) encrypt(sh p11.SessionHandle, key p11.ObjectHandle, plain, aad []byte) ([]byte, error) {
	out := make([]byte, 1+nonceSize, wrapOverhead+len(plain))
	out[0] = wrapFormat
	rand.Read(out[1:])
	params := p11.NewGCMParams(out[1:], aad, tagSize*8)
	defer params.Free()
	if err := s.lib.EncryptInit(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_GCM, params)}, key); err != nil {
		return nil, err
	}
	sealed, err := s.lib.Encrypt(sh, plain)
	if err != nil {
		return nil, err
	}
	copy(out[1:], params.IV()) // some tokens choose the nonce themselves
	return append(out, sealed...), nil
}

func (s *Store) decrypt(sh p11.SessionHandle, key p11.ObjectHandle, wrapped, aad []byte) ([]byte, error) {
	params := p11.NewGCMParams(wrapped[1:1+nonceSize], aad, tagSize*8)
	defer params.Free()
	if err := s.lib.DecryptInit(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_GCM, params)}, key); err != nil {
		return nil, err
	}
	return s.lib.Decrypt(sh, wrapped[1+nonceSize:])
}
