//go:build linux

// Package erasetest finds out whether this process still holds a secret.
//
// Its promise: a Canary keeps its secret masked, so that the search finds the
// copies that the tested code left and none of its own. It reads every writable
// mapping of the process: heap, stacks of all threads and goroutines, globals,
// C memory. It can't see registers, swapped pages or the kernel's buffers.
//
// The race detector's shadow memory is too large to search: tests that use this
// package carry the build constraint !race.
package erasetest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// piece is how many bytes of a secret in a row count as a copy of it. Less than
// the whole secret, since a part of a key is a leak too; more than what random
// memory matches.
const piece = 16

// Canary is a secret that is in memory only as two masks.
type Canary struct{ a, b []byte }

// New returns a random secret of n bytes, which nobody has seen yet.
func New(n int) Canary {
	c := Canary{make([]byte, n), make([]byte, n)}
	rand.Read(c.a) // never fails: crypto/rand stops the program instead
	rand.Read(c.b)
	return c
}

// Hide remembers the secret in plain without keeping it.
func Hide(plain []byte) Canary {
	c := New(len(plain))
	for i := range plain {
		c.b[i] = plain[i] ^ c.a[i]
	}
	return c
}

// Fill writes the secret into dst, which the caller must wipe.
func (c Canary) Fill(dst []byte) {
	for i := range c.a {
		dst[i] = c.a[i] ^ c.b[i]
	}
}

// Is reports whether got is the secret.
func (c Canary) Is(got []byte) bool {
	return len(got) == len(c.a) && c.matches(got, 0, len(c.a))
}

func (c Canary) matches(got []byte, from, n int) bool {
	for i := range n {
		if got[i] != c.a[from+i]^c.b[from+i] {
			return false
		}
	}
	return true
}

// Copies collects garbage and counts where in memory a piece of the secret is.
func (c Canary) Copies(t testing.TB) int {
	t.Helper()
	if len(c.a) < piece {
		t.Fatalf("a secret of %d bytes is too short to be searched for", len(c.a))
	}
	runtime.GC()
	runtime.GC() // what a sync.Pool held survives one collection
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	found := 0
	buf := make([]byte, 1<<20)
	defer clear(buf)
	for _, m := range mappings(t) {
		for at := m.from; at < m.to; at += int64(len(buf) - piece) {
			part := buf[:min(int64(len(buf)), m.to-at)]
			n, err := mem.ReadAt(part, at)
			found += c.count(part[:n])
			if err != nil {
				break // unmapped since we looked: nothing is there
			}
		}
	}
	return found
}

func (c Canary) count(mem []byte) int {
	n := 0
	for from := 0; from+piece <= len(c.a); from += piece {
		first := c.a[from] ^ c.b[from]
		for at := 0; ; at++ {
			i := bytes.IndexByte(mem[at:], first)
			if i < 0 || at+i+piece > len(mem) {
				break
			}
			if at += i; c.matches(mem[at:], from, piece) {
				n++
			}
		}
	}
	return n
}

type mapping struct{ from, to int64 }

func mappings(t testing.TB) []mapping {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var all []mapping
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var from, to uint64
		var perms string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &perms); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(perms, "rw") {
			all = append(all, mapping{int64(from), int64(to)}) // user space is below 1<<63
		}
	}
	if len(all) == 0 {
		t.Fatal("no writable memory found")
	}
	return all
}
