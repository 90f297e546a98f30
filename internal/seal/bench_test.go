package seal_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

var sizes = []int{64, 4 << 10, 256 << 10}

func BenchmarkSeal(b *testing.B) {
	s, kek := bench(b)
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			value := secret.New(make([]byte, n))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Seal(b.Context(), kek, row, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	s, kek := bench(b)
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			box, err := s.Seal(b.Context(), kek, row, secret.New(make([]byte, n)))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				v, err := s.Open(b.Context(), kek, row, box)
				if err != nil {
					b.Fatal(err)
				}
				v.Wipe()
			}
		})
	}
}

var row = seal.Ref{
	Org:     "1c0f7c1e-55a4-4d5e-8f57-2a3f0b6f3a10",
	Vault:   "7d7b0a55-0f53-4f2b-9d5b-7c5c6d9f6a11",
	Path:    "api-keys/openai/production",
	Version: 3,
}

func bench(b *testing.B) (*seal.Sealer, string) {
	b.Helper()
	keys, err := soft.Open(b.Context(), soft.Config{Dir: filepath.Join(b.TempDir(), "keys")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = keys.Close() })
	kek := "vault:" + row.Vault
	if err := keys.CreateKEK(b.Context(), kek); err != nil {
		b.Fatal(err)
	}
	return seal.New(keys), kek
}
