//go:build pkcs11 && cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"slices"
	"strings"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// The mechanisms of PKCS#11 3.0 that the binding does not name.
const (
	ckmEdwardsKeyPairGen = 0x1055
	ckmEdDSA             = 0x1057
)

// edwards25519 names the curve: the object identifier 1.3.101.112 in DER.
var edwards25519 = []byte{0x06, 0x03, 0x2b, 0x65, 0x70}

// CreateSigner has the token generate the key pair.
func (s *Store) CreateSigner(ctx context.Context, id string) error {
	if err := keystore.CheckID(id); err != nil {
		return err
	}
	return s.create(ctx, p11.CKO_PRIVATE_KEY, signerPrefix+id, s.generateEd25519)
}

func (s *Store) generateEd25519(sh p11.SessionHandle, label string, tag []byte) (func(), error) {
	return s.generatePair(sh, ckmEdwardsKeyPairGen, edwards25519, label, tag)
}

func (s *Store) generatePair(sh p11.SessionHandle, mechanism uint, curve []byte, label string, tag []byte) (func(), error) {
	pub, priv, err := s.lib.GenerateKeyPair(sh, []*p11.Mechanism{p11.NewMechanism(mechanism, nil)},
		[]*p11.Attribute{
			p11.NewAttribute(p11.CKA_EC_PARAMS, curve),
			p11.NewAttribute(p11.CKA_LABEL, label),
			p11.NewAttribute(p11.CKA_ID, tag),
			p11.NewAttribute(p11.CKA_TOKEN, true),
			p11.NewAttribute(p11.CKA_VERIFY, true),
		},
		privateKey(label, tag))
	if err != nil {
		return nil, err
	}
	undo := func() {
		_ = s.lib.DestroyObject(sh, priv)
		_ = s.lib.DestroyObject(sh, pub)
	}
	if _, err := s.checkGuarded(sh, priv, guard{made: true, durable: true}); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// privateKey is what the token is told of every private key.
func privateKey(label string, tag []byte) []*p11.Attribute {
	return []*p11.Attribute{
		p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_ID, tag),
		p11.NewAttribute(p11.CKA_TOKEN, true),
		p11.NewAttribute(p11.CKA_PRIVATE, true),
		p11.NewAttribute(p11.CKA_SENSITIVE, true),
		p11.NewAttribute(p11.CKA_EXTRACTABLE, false),
		p11.NewAttribute(p11.CKA_SIGN, true),
	}
}

// Signer returns the key after it has signed something that its public half
// verifies: the public object is not protected by the token.
func (s *Store) Signer(ctx context.Context, id string) (crypto.Signer, error) {
	if err := keystore.CheckID(id); err != nil {
		return nil, err
	}
	k := &signer{store: s, label: signerPrefix + id}
	err := s.run(ctx, func(sh p11.SessionHandle) error {
		challenge := newChallenge()
		sig, err := k.sign(sh, challenge)
		if err != nil {
			return err
		}
		if k.pub, err = s.publicKey(sh, k.label); err != nil {
			return err
		}
		if !ed25519.Verify(k.pub, challenge, sig) {
			return keystore.Unusable(errors.New("the public key is not the one of the private key"))
		}
		return nil
	})
	if err != nil {
		return nil, keystore.Named(id, err)
	}
	return k, nil
}

func newChallenge() []byte { return append([]byte("oneclaw/keystore/challenge"), newTag()...) }

func (s *Store) publicKey(sh p11.SessionHandle, label string) (ed25519.PublicKey, error) {
	point, err := s.point(sh, label, ed25519.PublicKeySize)
	return ed25519.PublicKey(point), err
}

// point reads the public half of a key pair, which has size bytes.
func (s *Store) point(sh p11.SessionHandle, label string, size int) ([]byte, error) {
	found, err := s.find(sh, p11.CKO_PUBLIC_KEY, label)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, keystore.Unusable(errors.New("the token holds no single public key for the private key"))
	}
	point, err := s.attribute(sh, found[0], p11.CKA_EC_POINT)
	if err != nil {
		return nil, err
	}
	// The standard says a DER octet string; some tokens give the bare point.
	if len(point) == 2+size && point[0] == 0x04 && int(point[1]) == size {
		point = point[2:]
	}
	if len(point) != size {
		return nil, keystore.Unusable(errors.New("the public key is not a point of its curve"))
	}
	return point, nil
}

// Signers reads the labels of all private keys.
func (s *Store) Signers(ctx context.Context) ([]string, error) { return s.labelled(ctx, signerPrefix) }

// labelled lists the ids of the private keys of one kind, sorted.
func (s *Store) labelled(ctx context.Context, prefix string) ([]string, error) {
	var ids []string
	err := s.run(ctx, func(sh p11.SessionHandle) error {
		ids = nil
		found, err := s.find(sh, p11.CKO_PRIVATE_KEY, "")
		if err != nil {
			return err
		}
		for _, obj := range found {
			label, err := s.attribute(sh, obj, p11.CKA_LABEL)
			if err != nil {
				return err
			}
			if id, ours := strings.CutPrefix(string(label), prefix); ours && keystore.CheckID(id) == nil {
				ids = append(ids, id)
			}
		}
		return s.tryProbe(sh) // no answer from a token that is away
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	return ids, nil
}

// signer is an Ed25519 key in the token. It holds no handle, so that it goes on
// working after the token was away.
type signer struct {
	store *Store
	label string
	pub   ed25519.PublicKey
}

// Public returns an ed25519.PublicKey.
func (k *signer) Public() crypto.PublicKey { return k.pub }

// Sign signs the message itself: opts must be crypto.Hash(0).
func (k *signer) Sign(_ io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := keystore.CheckSign(opts); err != nil {
		return nil, err
	}
	var sig []byte
	err := k.store.run(context.Background(), func(sh p11.SessionHandle) (err error) {
		sig, err = k.sign(sh, msg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sig, nil
}

func (k *signer) sign(sh p11.SessionHandle, msg []byte) ([]byte, error) {
	var sig []byte
	err := k.store.use(sh, p11.CKO_PRIVATE_KEY, k.label, func(key p11.ObjectHandle) (err error) {
		sig, err = k.store.signEd25519(sh, key, msg)
		return err
	})
	return sig, err
}

func (s *Store) signEd25519(sh p11.SessionHandle, key p11.ObjectHandle, msg []byte) ([]byte, error) {
	if err := s.lib.SignInit(sh, []*p11.Mechanism{p11.NewMechanism(ckmEdDSA, nil)}, key); err != nil {
		return nil, err
	}
	return s.lib.Sign(sh, msg)
}
