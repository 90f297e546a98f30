package keystoretest

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

func everythingIsAway(t *testing.T, s keystore.KeyStore, wrapped []byte) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Unwrap(ctx, kekA, wrapped, nil)
	isAway(t, err)
	_, err = s.Wrap(ctx, kekA, testDEK(), nil)
	isAway(t, err)
	isAway(t, s.CreateKEK(ctx, kekB))
	isAway(t, s.CreateSigner(ctx, "token:2"))
	isAway(t, s.DestroyKEK(ctx, kekA))
	_, err = s.Signer(ctx, "token:unseen")
	isAway(t, err)
	_, err = s.Signers(ctx)
	isAway(t, err)
	isAway(t, s.CreateEVMKey(ctx, "account:2"))
	isAway(t, s.ImportEVMKey(ctx, "account:2", evm.NewKey()))
	isAway(t, s.DestroyEVMKey(ctx, "account:1"))
	_, err = s.EVMKey(ctx, "account:unseen")
	isAway(t, err)
	_, err = s.EVMKeys(ctx)
	isAway(t, err)
}

func away(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	w := wrap(t, s, kekA, testDEK(), nil)
	for range 2 { // it can happen more than once
		health(t, s, env, true)
		env.Away(t)
		health(t, s, env, false)
		everythingIsAway(t, s, w)
		health(t, s, env, false)

		env.Back(t)
		got, err := s.Unwrap(t.Context(), kekA, w, nil)
		ok(t, err)
		if !bytes.Equal(got, testDEK()) {
			t.Fatal("the key came back changed")
		}
		health(t, s, env, true)
		signer(t, s, "token:1")
	}
	ok(t, s.CreateKEK(t.Context(), kekB))
	wrap(t, s, kekB, testDEK(), nil)
	ok(t, s.DestroyKEK(t.Context(), kekA))
	_, err := s.Unwrap(t.Context(), kekA, w, nil)
	isUnknown(t, err)
}

// awayIsNotGone asks nothing of Health first: a caller that took "away" for
// "destroyed" would drop what can still be opened.
func awayIsNotGone(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	env.Away(t)
	_, err := s.Wrap(t.Context(), kekB, testDEK(), nil) // never there
	isAway(t, err)
	_, err = s.Wrap(t.Context(), kekA, testDEK(), nil)
	isAway(t, err)
	isAway(t, s.DestroyKEK(t.Context(), kekA))
	env.Back(t)
	health(t, s, env, true)
	wrap(t, s, kekA, testDEK(), nil)
}

func awayUnderLoad(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	w := wrap(t, s, kekA, testDEK(), nil)
	stop := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		together(func(int) {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := s.Unwrap(t.Context(), kekA, w, nil)
				if err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("under load: %v", err)
					return
				}
				if err == nil && !bytes.Equal(got, testDEK()) {
					t.Error("under load: the key came back changed")
					return
				}
			}
		})
	}()
	for range 3 {
		env.Away(t)
		health(t, s, env, false)
		env.Back(t)
		health(t, s, env, true)
	}
	close(stop)
	<-finished
	_, err := s.Unwrap(t.Context(), kekA, w, nil)
	ok(t, err)
}

func signerAway(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	k, pub := signer(t, s, "token:1")
	env.Away(t)
	health(t, s, env, false)
	env.Back(t)
	sig, err := k.Sign(nil, []byte("m"), crypto.Hash(0))
	ok(t, err)
	if !ed25519.Verify(pub, []byte("m"), sig) {
		t.Fatal("the signature does not verify")
	}
	ok(t, s.Close())
	_, err = k.Sign(nil, []byte("m"), crypto.Hash(0))
	isAway(t, err)
}
