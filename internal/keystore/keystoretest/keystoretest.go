// Package keystoretest is the suite that every keystore passes.
//
// Its promise: a store that passes keeps what keystore.KeyStore says, also when
// it is used by many goroutines, is opened again, or goes away and comes back.
package keystoretest

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// Env is one empty place for keys. The suite keeps at most one store open on it.
type Env struct {
	Provider string                               // what Health must say
	Open     func(t *testing.T) keystore.KeyStore // opens the same keys each time
	Away     func(t *testing.T)                   // takes the keys out of reach of an open store
	Back     func(t *testing.T)                   // brings them back
}

// Run runs the suite; start makes a new Env for each test.
func Run(t *testing.T, start func(t *testing.T) Env) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

var tests = map[string]func(*testing.T, Env){
	"a wrapped key unwraps to itself and never shows":            roundTrip,
	"two wraps of one key differ":                                fresh,
	"what does not authenticate fails with one code":             authentication,
	"a wrapped key with any bit changed does not open":           tampering,
	"a destroyed key opens nothing, also under a new key":        destroyed,
	"an unknown key is not found":                                unknown,
	"an id is taken once":                                        duplicates,
	"ids and data keys are checked":                              refused,
	"many goroutines wrap and unwrap under one key":              concurrentUse,
	"of many goroutines that create one id one wins":             concurrentCreate,
	"keys are there after closing and opening":                   reopen,
	"a closed store says that it is unavailable":                 closed,
	"a store that goes away says so, and works when it is back":  away,
	"a store that is away does not take a key for destroyed":     awayIsNotGone,
	"many goroutines see a store go away and come back":          awayUnderLoad,
	"a key that was destroyed while others use it is dead":       destroyUnderLoad,
	"signatures verify with crypto/ed25519":                      signing,
	"a signer signs messages only, not hashes":                   signingOptions,
	"signers are listed sorted, and KEKs are not among them":     listing,
	"a signer is the same after closing and opening":             signerReopen,
	"KEKs and signers have separate name spaces":                 nameSpaces,
	"a signer that was handed out survives the store being away": signerAway,
	"an EVM key signs for its account as chains take it":         evmSigning,
	"an imported EVM key is the same key":                        evmImport,
	"an EVM key is the same after closing and opening":           evmReopen,
	"an EVM key that was handed out is dead once destroyed":      evmDestroyed,
	"an EVM key that was handed out survives the store away":     evmAway,
	"EVM keys are listed sorted and are of their own name space": evmNameSpace,
	"ids and imported keys of accounts are checked":              evmRefused,
	"an EVM key that was destroyed while others sign is dead":    evmDestroyUnderLoad,
}

func open(t *testing.T, env Env) keystore.KeyStore {
	t.Helper()
	s := env.Open(t)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func withKEK(t *testing.T, env Env, id string) keystore.KeyStore {
	t.Helper()
	s := open(t, env)
	ok(t, s.CreateKEK(t.Context(), id))
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// fails checks kind and code, and that what may be shown holds no input.
func fails(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	if !fault.Is(err, kind) || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want kind %d and code %s", err, kind, code)
	}
}

func isAway(t *testing.T, err error) {
	t.Helper()
	fails(t, err, fault.Unavailable, keystore.CodeUnavailable)
}

func isUnknown(t *testing.T, err error) {
	t.Helper()
	fails(t, err, fault.NotFound, keystore.CodeKeyNotFound)
}

func health(t *testing.T, s keystore.KeyStore, env Env, connected bool) {
	t.Helper()
	want := keystore.Health{Provider: env.Provider, Connected: connected}
	if got := s.Health(t.Context()); got != want {
		t.Fatalf("health is %+v, want %+v", got, want)
	}
}
