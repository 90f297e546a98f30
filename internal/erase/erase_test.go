//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package erase_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
)

// TestSearchFinds is the control of all tests that search memory: what is there
// is found, on the heap and on a stack.
func TestSearchFinds(t *testing.T) {
	c := erasetest.New(48)
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d copies of a secret that was never in memory", n)
	}
	heap := make([]byte, size())
	c.Fill(heap)
	if n := c.Copies(t); n < 3 || !c.Is(heap) {
		t.Fatalf("of a secret on the heap %d pieces were found", n)
	}
	clear(heap)
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces left after wiping", n)
	}

	var stack [48]byte
	c.Fill(stack[:])
	if n := c.Copies(t); n < 3 || !c.Is(stack[:]) {
		t.Fatalf("of a secret on a stack %d pieces were found", n)
	}
}

// size is not known to the compiler, which would put the slice on the stack.
//
//go:noinline
func size() int { return 48 }

func TestDoErases(t *testing.T) {
	c := erasetest.New(48)
	for range 50 {
		erase.Do(func() { leave(c) })
	}
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces left", n)
	}
}

// leave forgets to wipe, on the heap and on the stack.
//
//go:noinline
func leave(c erasetest.Canary) byte {
	var stack [48]byte
	c.Fill(stack[:])
	heap := append([]byte(nil), stack[:]...)
	return heap[7]
}

func TestDoWithinDo(t *testing.T) {
	c := erasetest.New(48)
	depth := 0
	erase.Do(func() {
		erase.Do(func() { depth++; leave(c) })
		depth++
		leave(c)
	})
	if depth != 2 {
		t.Fatalf("ran %d of 2 functions", depth)
	}
	if n := c.Copies(t); n != 0 {
		t.Fatalf("%d pieces left", n)
	}
}

func BenchmarkDo(b *testing.B) {
	for b.Loop() {
		erase.Do(func() {})
	}
}
