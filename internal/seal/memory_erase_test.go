//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package seal_test

import (
	"context"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// These hold only in a build with runtime/secret: an AES key schedule begins
// with the key, and nothing but package erase reaches it.

// hidden is a keystore that remembers the data keys without keeping them.
type hidden struct {
	keystore.KeyStore
	mu   sync.Mutex
	deks []erasetest.Canary
}

func (h *hidden) Unwrap(ctx context.Context, id string, wrapped, aad []byte) ([]byte, error) {
	dek, err := h.KeyStore.Unwrap(ctx, id, wrapped, aad)
	if err == nil {
		h.mu.Lock()
		h.deks = append(h.deks, erasetest.Hide(dek))
		h.mu.Unlock()
	}
	return dek, err
}

func TestDEKsLeaveMemory(t *testing.T) {
	_, keys := newSealer(t)
	h := &hidden{KeyStore: keys}
	s := seal.New(h)
	box := mustSeal(t, s, kekA, row, "value")
	for range 100 {
		v, err := s.Open(t.Context(), kekA, row, box)
		if err != nil {
			t.Fatal(err)
		}
		v.Wipe()
	}
	if n := h.deks[0].Copies(t); n != 0 {
		t.Fatalf("%d pieces of the data key are in memory", n)
	}
}

func TestAForgottenValueLeavesMemory(t *testing.T) {
	s, _ := newSealer(t)
	c := erasetest.New(canarySize)
	box := sealCanary(t, s, c, canarySize)
	for range 100 {
		if v, err := s.Open(t.Context(), kekA, row, box); err != nil || v.Len() != canarySize {
			t.Fatalf("open: %v", err)
		}
	}
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces of values that nobody holds are in memory", n)
	}
}
