package keystoretest

import (
	"crypto"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

func signer(t *testing.T, s keystore.KeyStore, id string) (crypto.Signer, ed25519.PublicKey) {
	t.Helper()
	k, err := s.Signer(t.Context(), id)
	ok(t, err)
	pub, isEd := k.Public().(ed25519.PublicKey)
	if !isEd || len(pub) != ed25519.PublicKeySize {
		t.Fatalf("the public key is a %T", k.Public())
	}
	return k, pub
}

func signing(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	ok(t, s.CreateSigner(t.Context(), "token:2"))
	k, pub := signer(t, s, "token:1")
	_, other := signer(t, s, "token:2")
	for _, msg := range []string{"", "a", strings.Repeat("long ", 4000)} {
		sig, err := k.Sign(nil, []byte(msg), crypto.Hash(0))
		ok(t, err)
		if !ed25519.Verify(pub, []byte(msg), sig) {
			t.Fatalf("a signature over %d bytes does not verify", len(msg))
		}
		if ed25519.Verify(other, []byte(msg), sig) || ed25519.Verify(pub, []byte(msg+"!"), sig) {
			t.Fatal("a signature verifies where it must not")
		}
	}
}

func signingOptions(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	k, _ := signer(t, s, "token:1")
	for _, opts := range []crypto.SignerOpts{nil, crypto.SHA256, crypto.SHA512} {
		_, err := k.Sign(nil, make([]byte, 64), opts)
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("options %v: %v", opts, err)
		}
	}
}

func listing(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	got, err := s.Signers(t.Context())
	ok(t, err)
	if len(got) != 0 {
		t.Fatalf("a new store lists %q", got)
	}
	for _, id := range []string{"token:b", "audit:1", "token:a"} {
		ok(t, s.CreateSigner(t.Context(), id))
	}
	got, err = s.Signers(t.Context())
	ok(t, err)
	if want := []string{"audit:1", "token:a", "token:b"}; !slices.Equal(got, want) {
		t.Fatalf("listed %q, want %q", got, want)
	}
}

func signerReopen(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateSigner(t.Context(), "audit:1"))
	_, before := signer(t, s, "audit:1")
	ok(t, s.Close())
	s = open(t, env)
	k, after := signer(t, s, "audit:1")
	if !before.Equal(after) {
		t.Fatal("another public key after opening again")
	}
	sig, err := k.Sign(nil, []byte("m"), crypto.Hash(0))
	ok(t, err)
	if !ed25519.Verify(before, []byte("m"), sig) {
		t.Fatal("the signature does not verify")
	}
}

func nameSpaces(t *testing.T, env Env) {
	s := withKEK(t, env, "system")
	_, err := s.Signer(t.Context(), "system")
	isUnknown(t, err)
	ok(t, s.CreateSigner(t.Context(), "system"))
	w := wrap(t, s, "system", testDEK(), nil)
	ok(t, s.DestroyKEK(t.Context(), "system"))
	_, err = s.Unwrap(t.Context(), "system", w, nil)
	isUnknown(t, err)
	signer(t, s, "system")
}
