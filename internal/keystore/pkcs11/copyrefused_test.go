//go:build pkcs11 && cgo

package pkcs11_test

import (
	"crypto"
	"crypto/ed25519"
	"sync/atomic"
	"testing"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/keystoretest"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
)

// refusals are the ways in which a token may make no copy, or none that is of
// use. The raw user is asked for when one is called.
func refusals(r func() raw) map[string]pkcs11.CopyFunc {
	all := map[string]pkcs11.CopyFunc{
		"a copy that could leave": func(sh p11.SessionHandle, _ p11.ObjectHandle, _ []*p11.Attribute) (p11.ObjectHandle, error) {
			return r().GenerateKey(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_KEY_GEN, nil)}, sessionAES(true))
		},
		"another key": func(sh p11.SessionHandle, _ p11.ObjectHandle, _ []*p11.Attribute) (p11.ObjectHandle, error) {
			return r().GenerateKey(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_KEY_GEN, nil)}, sessionAES(false))
		},
		"a durable copy": func(sh p11.SessionHandle, obj p11.ObjectHandle, _ []*p11.Attribute) (p11.ObjectHandle, error) {
			return r().CopyObject(sh, obj, []*p11.Attribute{p11.NewAttribute(p11.CKA_TOKEN, true)})
		},
		"the durable key": func(_ p11.SessionHandle, obj p11.ObjectHandle, _ []*p11.Attribute) (p11.ObjectHandle, error) {
			return obj, nil
		},
		"a handle of nothing": func(p11.SessionHandle, p11.ObjectHandle, []*p11.Attribute) (p11.ObjectHandle, error) {
			return 1 << 30, nil
		},
	}
	for _, code := range []p11.Error{p11.CKR_FUNCTION_NOT_SUPPORTED, p11.CKR_ACTION_PROHIBITED, p11.CKR_TEMPLATE_INCONSISTENT,
		p11.CKR_DEVICE_MEMORY, p11.CKR_GENERAL_ERROR, p11.CKR_FUNCTION_FAILED, p11.CKR_USER_NOT_LOGGED_IN} {
		all[code.Error()] = func(p11.SessionHandle, p11.ObjectHandle, []*p11.Attribute) (p11.ObjectHandle, error) { return 0, code }
	}
	return all
}

func sessionAES(extractable bool) []*p11.Attribute {
	return []*p11.Attribute{
		p11.NewAttribute(p11.CKA_VALUE_LEN, 32), p11.NewAttribute(p11.CKA_TOKEN, false),
		p11.NewAttribute(p11.CKA_PRIVATE, true), p11.NewAttribute(p11.CKA_SENSITIVE, true),
		p11.NewAttribute(p11.CKA_EXTRACTABLE, extractable),
		p11.NewAttribute(p11.CKA_ENCRYPT, true), p11.NewAttribute(p11.CKA_DECRYPT, true),
	}
}

func TestATokenThatDoesNotCopy(t *testing.T) {
	for name := range refusals(nil) {
		t.Run(name, func(t *testing.T) {
			tok := newToken(t)
			s := tok.open(t)
			var asked atomic.Int32
			pkcs11.CopyWith(s, func(pkcs11.CopyFunc) pkcs11.CopyFunc {
				refuse := refusals(func() raw { return tok.raw(t) })[name]
				return func(sh p11.SessionHandle, obj p11.ObjectHandle, attrs []*p11.Attribute) (p11.ObjectHandle, error) {
					asked.Add(1)
					return refuse(sh, obj, attrs)
				}
			})
			must(t, s.CreateKEK(t.Context(), kek))
			must(t, s.CreateSigner(t.Context(), "token:1"))
			w := wrapped(t, s, kek)
			k, err := s.Signer(t.Context(), "token:1")
			must(t, err)
			for range 3 {
				tok.now.Add(int64(time.Second))
				opens(t, s, kek, w)
				sig, err := k.Sign(nil, []byte("m"), crypto.Hash(0))
				must(t, err)
				if !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte("m"), sig) {
					t.Fatal("the signature does not verify")
				}
			}
			if n := asked.Load(); n != 2 {
				t.Errorf("asked for a copy %d times, want once for each key", n)
			}
			r := tok.raw(t)
			if left := len(r.copies(t, p11.CKO_SECRET_KEY)) + len(r.copies(t, p11.CKO_PRIVATE_KEY)); left != 0 {
				t.Errorf("%d copies left that nobody uses", left)
			}
			must(t, s.Close())
			opens(t, tok.open(t), kek, w) // so it was wrapped under the durable key
		})
	}
}

func TestConformanceWithoutCopies(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Env {
		env := softHSMEnv(t)
		open := env.Open
		env.Open = func(t *testing.T) keystore.KeyStore {
			s := open(t)
			pkcs11.CopyWith(s, func(pkcs11.CopyFunc) pkcs11.CopyFunc {
				return func(p11.SessionHandle, p11.ObjectHandle, []*p11.Attribute) (p11.ObjectHandle, error) {
					return 0, p11.Error(p11.CKR_FUNCTION_NOT_SUPPORTED)
				}
			})
			return s
		}
		return env
	})
}
