package keystoretest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

func evmKey(t *testing.T, s keystore.KeyStore, id string) keystore.EVMKey {
	t.Helper()
	k, err := s.EVMKey(t.Context(), id)
	ok(t, err)
	if a, err := evm.AddressOf(k.Public()); err != nil || a != k.Address() || len(k.Public()) != 65 {
		t.Fatalf("the public key is of %s, %v, not of %s", a, err, k.Address())
	}
	return k
}

// evmSigns has k sign a hash of its own. Sender refuses a high S and a wrong V.
func evmSigns(t *testing.T, k keystore.EVMKey) evm.Signature {
	t.Helper()
	h := evm.Keccak256([]byte(rand.Text()))
	sig, err := k.Sign(t.Context(), h)
	ok(t, err)
	if who, err := sig.Sender(h); err != nil || who != k.Address() {
		t.Fatalf("signed by %s, %v, not by %s", who, err, k.Address())
	}
	return sig
}

// evmSigning signs often enough that a key store that gives high S and both V, as
// tokens do, would be caught.
func evmSigning(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateEVMKey(t.Context(), "account:1"))
	ok(t, s.CreateEVMKey(t.Context(), "account:2"))
	one, two := evmKey(t, s, "account:1"), evmKey(t, s, "account:2")
	if one.Address() == two.Address() || one.Address().IsZero() {
		t.Fatal("two keys have one account")
	}
	seen := map[byte]bool{}
	for range 40 {
		seen[evmSigns(t, one).V] = true
		evmSigns(t, two)
	}
	if !seen[0] || !seen[1] {
		t.Errorf("40 signatures have the recovery ids %v", seen)
	}
	pub := one.Public()
	clear(pub) // it is the caller's own memory
	if bytes.Equal(one.Public(), pub) {
		t.Error("the public key can be changed from outside")
	}
}

func evmImport(t *testing.T, env Env) {
	s := open(t, env)
	for i, text := range []string{
		strings.Repeat("0", 63) + "1", strings.Repeat("46", 32), // all letters, when it is read as text
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "00000000000000000000000000000000000000000000000000000000000000ff",
	} {
		key, err := evm.ParseKey([]byte(text))
		ok(t, err)
		want, public := key.Address(), key.Public()
		id := fmt.Sprint("account:", i)
		ok(t, s.ImportEVMKey(t.Context(), id, key))
		key.Wipe() // the store has a copy
		k := evmKey(t, s, id)
		if k.Address() != want || !bytes.Equal(k.Public(), public) {
			t.Errorf("key %d is of %s in the store, want %s", i, k.Address(), want)
		}
		for range 8 {
			evmSigns(t, k)
		}
		fails(t, s.ImportEVMKey(t.Context(), id, evm.NewKey()), fault.Conflict, keystore.CodeKeyExists)
		fails(t, s.CreateEVMKey(t.Context(), id), fault.Conflict, keystore.CodeKeyExists)
		if again := evmKey(t, s, id); again.Address() != want {
			t.Errorf("a refused key took the place of key %d", i)
		}
	}
}

func evmReopen(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateEVMKey(t.Context(), "account:made"))
	ok(t, s.ImportEVMKey(t.Context(), "account:imported", evm.NewKey()))
	before := map[string]evm.Address{}
	for _, id := range []string{"account:made", "account:imported"} {
		before[id] = evmKey(t, s, id).Address()
	}
	ok(t, s.Close())
	s = open(t, env)
	for id, want := range before {
		k := evmKey(t, s, id)
		if k.Address() != want {
			t.Errorf("%s is of another account after opening again", id)
		}
		evmSigns(t, k)
	}
}

// evmDestroyed: neither the handle nor a new key under the id may sign for the old
// account, and nothing is left that stands in the way of a new key.
func evmDestroyed(t *testing.T, env Env) {
	s := open(t, env)
	isUnknown(t, unknownEVM(t, s, "account:1"))
	ok(t, s.DestroyEVMKey(t.Context(), "account:1"))
	for _, create := range []func() error{
		func() error { return s.CreateEVMKey(t.Context(), "account:1") },
		func() error { return s.ImportEVMKey(t.Context(), "account:1", evm.NewKey()) },
	} {
		ok(t, create())
		old := evmKey(t, s, "account:1")
		ok(t, s.DestroyEVMKey(t.Context(), "account:1"))
		_, err := old.Sign(t.Context(), evm.Hash{1})
		isUnknown(t, err)
		isUnknown(t, unknownEVM(t, s, "account:1"))
		ok(t, s.CreateEVMKey(t.Context(), "account:1"))
		_, err = old.Sign(t.Context(), evm.Hash{1})
		isUnknown(t, err)
		next := evmKey(t, s, "account:1")
		evmSigns(t, next)
		if next.Address() == old.Address() {
			t.Error("the destroyed key is back")
		}
		ok(t, s.DestroyEVMKey(t.Context(), "account:1"))
	}
}

func unknownEVM(t *testing.T, s keystore.KeyStore, id string) error {
	t.Helper()
	k, err := s.EVMKey(t.Context(), id)
	if err == nil {
		t.Fatalf("there is a key, of %s", k.Address())
	}
	return err
}

func evmAway(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateEVMKey(t.Context(), "account:1"))
	k := evmKey(t, s, "account:1")
	env.Away(t)
	health(t, s, env, false)
	_, err := k.Sign(t.Context(), evm.Hash{1})
	isAway(t, err)
	env.Back(t)
	evmSigns(t, k)
	ok(t, s.Close())
	_, err = k.Sign(t.Context(), evm.Hash{1})
	isAway(t, err)
}

func evmNameSpace(t *testing.T, env Env) {
	s := withKEK(t, env, "one")
	ok(t, s.CreateSigner(t.Context(), "two"))
	isUnknown(t, unknownEVM(t, s, "one"))
	isUnknown(t, unknownEVM(t, s, "two"))
	got, err := s.EVMKeys(t.Context())
	ok(t, err)
	if len(got) != 0 {
		t.Fatalf("a store without keys of accounts lists %q", got)
	}
	for _, id := range []string{"two", "one", "account:1"} {
		ok(t, s.CreateEVMKey(t.Context(), id))
	}
	got, err = s.EVMKeys(t.Context())
	ok(t, err)
	if want := []string{"account:1", "one", "two"}; !slices.Equal(got, want) {
		t.Fatalf("listed %q, want %q", got, want)
	}
	got, err = s.Signers(t.Context())
	ok(t, err)
	if want := []string{"two"}; !slices.Equal(got, want) {
		t.Fatalf("signers are %q, want %q", got, want)
	}
	w := wrap(t, s, "one", testDEK(), nil)
	ok(t, s.DestroyEVMKey(t.Context(), "one"))
	ok(t, s.DestroyEVMKey(t.Context(), "two"))
	_, err = s.Unwrap(t.Context(), "one", w, nil)
	ok(t, err)
	signer(t, s, "two")
	ok(t, s.DestroyKEK(t.Context(), "account:1"))
	evmSigns(t, evmKey(t, s, "account:1"))
}

func evmRefused(t *testing.T, env Env) {
	s := open(t, env)
	for _, id := range []string{"", "../root", "a/b", "a b", "a\x00b", strings.Repeat("a", keystore.MaxID+1)} {
		_, err := s.EVMKey(t.Context(), id)
		for _, err := range []error{
			err, s.CreateEVMKey(t.Context(), id), s.ImportEVMKey(t.Context(), id, evm.NewKey()), s.DestroyEVMKey(t.Context(), id),
		} {
			fails(t, err, fault.Invalid, keystore.CodeInvalidID)
		}
	}
	wiped := evm.NewKey()
	wiped.Wipe()
	for _, k := range []evm.Key{wiped, {}} {
		fails(t, s.ImportEVMKey(t.Context(), "account:1", k), fault.Invalid, keystore.CodeInvalidEVMKey)
	}
	isUnknown(t, unknownEVM(t, s, "account:1"))
}

// evmDestroyUnderLoad: once DestroyEVMKey has returned, no signature that begins
// later may succeed.
func evmDestroyUnderLoad(t *testing.T, env Env) {
	s := open(t, env)
	ok(t, s.CreateEVMKey(t.Context(), "account:1"))
	k := evmKey(t, s, "account:1")
	var gone atomic.Bool
	var ready sync.WaitGroup
	ready.Add(goroutines - 1)
	together(func(i int) {
		if i == 0 {
			ready.Wait()
			if err := s.DestroyEVMKey(t.Context(), "account:1"); err != nil {
				t.Errorf("destroy: %v", err)
			}
			gone.Store(true)
			return
		}
		for n := 0; ; n++ {
			after := gone.Load()
			_, err := k.Sign(t.Context(), evm.Hash{byte(i)})
			if n == 0 {
				ready.Done()
			}
			switch {
			case err == nil && after:
				t.Error("a destroyed key signed")
				return
			case err != nil && fault.CodeOf(err) != keystore.CodeKeyNotFound:
				t.Errorf("a key being destroyed: %v", err)
				return
			case err != nil:
				return
			}
		}
	})
}
