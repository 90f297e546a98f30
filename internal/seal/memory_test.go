//go:build linux && !race

package seal_test

import (
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// sealCanary seals the secret and wipes what it was made from.
func sealCanary(t *testing.T, s *seal.Sealer, c erasetest.Canary, size int) seal.Box {
	t.Helper()
	v := secret.New(make([]byte, size))
	defer v.Wipe()
	c.Fill(v.Reveal())
	box, err := s.Seal(t.Context(), kekA, row, v)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

const canarySize = 48

func TestAnOpenedValueLeavesMemory(t *testing.T) {
	s, _ := newSealer(t)
	c := erasetest.New(canarySize)
	box := sealCanary(t, s, c, canarySize)
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces of the value are in memory after it was sealed and wiped", n)
	}

	v, err := s.Open(t.Context(), kekA, row, box)
	if err != nil || !c.Is(v.Reveal()) {
		t.Fatalf("open: %v", err)
	}
	if c.Copies(t) == 0 {
		t.Fatal("the search does not find an open value, so it proves nothing")
	}
	v.Wipe()
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces of the value are in memory after it was wiped", n)
	}

	// Many at once: stacks that grow, goroutines that are preempted.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				v, err := s.Open(t.Context(), kekA, row, box)
				if err != nil || !c.Is(v.Reveal()) {
					t.Errorf("open: %v", err)
					return
				}
				v.Wipe()
			}
		})
	}
	wg.Wait()
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces of the value are in memory after 1,600 reads", n)
	}
}

func TestARejectedValueLeavesMemory(t *testing.T) {
	s, _ := newSealer(t)
	c := erasetest.New(canarySize)
	box := sealCanary(t, s, c, canarySize)
	box.Ciphertext[len(box.Ciphertext)-1] ^= 1 // the tag: all of the value decrypts
	for range 100 {
		if _, err := s.Open(t.Context(), kekA, row, box); err == nil {
			t.Fatal("an altered box opened")
		}
	}
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces of a value that did not authenticate are in memory", n)
	}
}
