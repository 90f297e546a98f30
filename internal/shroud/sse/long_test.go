package sse_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/sse"
)

// endless is a provider that never ends a line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func BenchmarkALineWithoutEnd(b *testing.B) {
	for b.Loop() {
		r := sse.NewReader(io.MultiReader(strings.NewReader("data: "), endless{}), 16<<20)
		if _, err := r.Next(); !errors.Is(err, sse.ErrTooLong) {
			b.Fatal(err)
		}
	}
}
