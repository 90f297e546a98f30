package keystoretest

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const goroutines = 24

// together runs f in many goroutines at once.
func together(f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range goroutines {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func concurrentUse(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	together(func(i int) {
		for n := range 40 {
			dek := bytes.Repeat([]byte{byte(i)}, 32)
			aad := fmt.Appendf(nil, "%d/%d", i, n)
			w, err := s.Wrap(t.Context(), kekA, dek, aad)
			if err != nil {
				t.Errorf("wrap: %v", err)
				return
			}
			got, err := s.Unwrap(t.Context(), kekA, w, aad)
			if err != nil || !bytes.Equal(got, dek) {
				t.Errorf("unwrap: %v", err)
				return
			}
		}
	})
}

func concurrentCreate(t *testing.T, env Env) {
	s := open(t, env)
	for name, create := range map[string]func() error{
		"KEK":     func() error { return s.CreateKEK(t.Context(), kekA) },
		"signer":  func() error { return s.CreateSigner(t.Context(), "token:1") },
		"account": func() error { return s.CreateEVMKey(t.Context(), "account:1") },
		"import":  func() error { return s.ImportEVMKey(t.Context(), "account:2", evm.NewKey()) },
	} {
		var won atomic.Int32
		together(func(int) {
			switch err := create(); {
			case err == nil:
				won.Add(1)
			case fault.CodeOf(err) != keystore.CodeKeyExists:
				t.Errorf("%s: %v", name, err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%s: %d callers created the key", name, won.Load())
		}
	}
	w := wrap(t, s, kekA, testDEK(), nil)
	ok(t, s.Close())
	s = open(t, env)
	_, err := s.Unwrap(t.Context(), kekA, w, nil)
	ok(t, err)
	signer(t, s, "token:1")
	evmSigns(t, evmKey(t, s, "account:1"))
	evmSigns(t, evmKey(t, s, "account:2"))
}

// destroyUnderLoad: once DestroyKEK has returned, no call that begins later
// may succeed, whatever was in flight.
func destroyUnderLoad(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	w := wrap(t, s, kekA, testDEK(), nil)
	var gone atomic.Bool
	var ready sync.WaitGroup
	ready.Add(goroutines - 1)
	together(func(i int) {
		if i == 0 {
			ready.Wait()
			if err := s.DestroyKEK(t.Context(), kekA); err != nil {
				t.Errorf("destroy: %v", err)
			}
			gone.Store(true)
			return
		}
		for n := 0; ; n++ {
			after := gone.Load()
			_, err := s.Unwrap(t.Context(), kekA, w, nil)
			if n == 0 {
				ready.Done()
			}
			switch {
			case err == nil && after:
				t.Error("a destroyed key opened a wrapped one")
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
