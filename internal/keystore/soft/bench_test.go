package soft_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

func BenchmarkWrap(b *testing.B) {
	s, aad := bench(b)
	dek := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Wrap(b.Context(), kek, dek, aad); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnwrap(b *testing.B) {
	s, aad := bench(b)
	w, err := s.Wrap(b.Context(), kek, make([]byte, 32), aad)
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Unwrap(b.Context(), kek, w, aad); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnwrapParallel(b *testing.B) {
	s, aad := bench(b)
	w, err := s.Wrap(b.Context(), kek, make([]byte, 32), aad)
	must(b, err)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Unwrap(b.Context(), kek, w, aad); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkCreateKEK(b *testing.B) {
	s, _ := bench(b)
	for n := 0; b.Loop(); n++ {
		must(b, s.CreateKEK(b.Context(), fmt.Sprint("vault:b", n)))
	}
}

func bench(b *testing.B) (*soft.Store, []byte) {
	b.Helper()
	s := open(b, soft.Config{Dir: filepath.Join(b.TempDir(), "keys")})
	must(b, s.CreateKEK(b.Context(), kek))
	return s, bytes.Repeat([]byte("a"), 120)
}
