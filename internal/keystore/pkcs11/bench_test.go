//go:build pkcs11 && cgo

package pkcs11_test

import (
	"bytes"
	"crypto"
	"testing"

	p11 "github.com/miekg/pkcs11"
)

// measure runs f by one goroutine, then by one for each processor.
func measure(b *testing.B, f func() error) {
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkWrap(b *testing.B) {
	s := newToken(b).open(b)
	must(b, s.CreateKEK(b.Context(), kek))
	plain, aad := make([]byte, 32), bytes.Repeat([]byte("a"), 120)
	measure(b, func() error {
		_, err := s.Wrap(b.Context(), kek, plain, aad)
		return err
	})
}

func BenchmarkUnwrap(b *testing.B) {
	s := newToken(b).open(b)
	must(b, s.CreateKEK(b.Context(), kek))
	aad := bytes.Repeat([]byte("a"), 120)
	w, err := s.Wrap(b.Context(), kek, make([]byte, 32), aad)
	must(b, err)
	measure(b, func() error {
		_, err := s.Unwrap(b.Context(), kek, w, aad)
		return err
	})
}

func BenchmarkSign(b *testing.B) {
	s := newToken(b).open(b)
	must(b, s.CreateSigner(b.Context(), "token:1"))
	k, err := s.Signer(b.Context(), "token:1")
	must(b, err)
	measure(b, func() error {
		_, err := k.Sign(nil, []byte("a token"), crypto.Hash(0))
		return err
	})
}

// BenchmarkUnwrapBare is what module and binding cost without this package, on
// the durable object and on a session copy of it.
func BenchmarkUnwrapBare(b *testing.B) {
	tok := newToken(b)
	r := tok.raw(b)
	r.makeAES(b, "bare", false)
	durable := r.find(b, p11.CKO_SECRET_KEY)[0]
	made, err := r.CopyObject(r.sh, durable, []*p11.Attribute{p11.NewAttribute(p11.CKA_TOKEN, false)})
	must(b, err)
	nonce, aad := make([]byte, 12), bytes.Repeat([]byte("a"), 120)
	run := func(key p11.ObjectHandle, init func(p11.SessionHandle, []*p11.Mechanism, p11.ObjectHandle) error,
		do func(p11.SessionHandle, []byte) ([]byte, error), in []byte) []byte {
		params := p11.NewGCMParams(nonce, aad, 128)
		defer params.Free()
		must(b, init(r.sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_GCM, params)}, key))
		out, err := do(r.sh, in)
		must(b, err)
		return out
	}
	w := run(durable, r.EncryptInit, r.Encrypt, make([]byte, 32))
	for name, key := range map[string]p11.ObjectHandle{"durable": durable, "copy": made} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run(key, r.DecryptInit, r.Decrypt, w)
			}
		})
	}
	must(b, r.Finalize())
}
