package keystoretest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// Ids as the parts of the program make them.
const (
	kekA = "vault:0b6f5b9e-6f0e-4c5e-9a55-7b1d5d7f0a01"
	kekB = "vault:0b6f5b9e-6f0e-4c5e-9a55-7b1d5d7f0a02"
)

func testDEK() []byte { return []byte("0123456789abcdef0123456789ABCDEF") }

func wrap(t *testing.T, s keystore.KeyStore, id string, dek, aad []byte) []byte {
	t.Helper()
	w, err := s.Wrap(t.Context(), id, dek, aad)
	ok(t, err)
	return w
}

func roundTrip(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	for _, size := range []int{1, 16, 32, keystore.MaxDEK} {
		for _, aad := range [][]byte{nil, {}, []byte("row 7"), bytes.Repeat([]byte("x"), 1200)} {
			dek := bytes.Repeat([]byte{0xA5}, size)
			w := wrap(t, s, kekA, dek, aad)
			if size >= 16 && bytes.Contains(w, dek[:16]) {
				t.Fatal("the wrapped key shows the key")
			}
			got, err := s.Unwrap(t.Context(), kekA, w, aad)
			ok(t, err)
			if !bytes.Equal(got, dek) {
				t.Fatalf("a key of %d bytes with %d bytes of AAD came back changed", size, len(aad))
			}
			clear(got) // it is the caller's own memory
			if again, err := s.Unwrap(t.Context(), kekA, w, aad); err != nil || !bytes.Equal(again, dek) {
				t.Fatal("wiping one result changed the next")
			}
		}
	}
}

func fresh(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	if bytes.Equal(wrap(t, s, kekA, testDEK(), nil), wrap(t, s, kekA, testDEK(), nil)) {
		t.Fatal("a nonce was used twice")
	}
}

func authentication(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	ok(t, s.CreateKEK(t.Context(), kekB))
	aad := []byte("org/vault/path")
	w := wrap(t, s, kekA, testDEK(), aad)
	cases := map[string]struct {
		id      string
		wrapped []byte
		aad     []byte
	}{
		"other AAD":      {kekA, w, []byte("org/vault/other")},
		"no AAD":         {kekA, w, nil},
		"longer AAD":     {kekA, w, append(bytes.Clone(aad), 0)},
		"other key":      {kekB, w, aad},
		"nothing":        {kekA, nil, aad},
		"a format alone": {kekA, w[:1], aad},
		"cut short":      {kekA, w[:len(w)-1], aad},
		"half":           {kekA, w[:len(w)/2], aad},
		"one byte more":  {kekA, append(bytes.Clone(w), 0), aad},
		"far too long":   {kekA, bytes.Repeat([]byte{w[0]}, 1<<20), aad},
		"zeros":          {kekA, make([]byte, len(w)), aad},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := s.Unwrap(t.Context(), c.id, c.wrapped, c.aad)
			fails(t, err, fault.Internal, keystore.CodeUnwrapFailed)
			if got != nil {
				t.Fatal("bytes came with the error")
			}
		})
	}
	if _, err := s.Unwrap(t.Context(), kekA, w, aad); err != nil {
		t.Fatalf("the untouched one no longer opens: %v", err)
	}
}

func tampering(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	w := wrap(t, s, kekA, testDEK(), []byte("aad"))
	for i := range w {
		bad := bytes.Clone(w)
		bad[i] ^= 1 << (i % 8)
		_, err := s.Unwrap(t.Context(), kekA, bad, []byte("aad"))
		if fault.CodeOf(err) != keystore.CodeUnwrapFailed {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func destroyed(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	ok(t, s.CreateKEK(t.Context(), kekB))
	w := wrap(t, s, kekA, testDEK(), nil)
	ok(t, s.DestroyKEK(t.Context(), kekA))
	_, err := s.Unwrap(t.Context(), kekA, w, nil)
	isUnknown(t, err)
	_, err = s.Wrap(t.Context(), kekA, testDEK(), nil)
	isUnknown(t, err)
	ok(t, s.DestroyKEK(t.Context(), kekA))
	wrap(t, s, kekB, testDEK(), nil)

	ok(t, s.CreateKEK(t.Context(), kekA))
	_, err = s.Unwrap(t.Context(), kekA, w, nil)
	fails(t, err, fault.Internal, keystore.CodeUnwrapFailed)
}

func unknown(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	w := wrap(t, s, kekA, testDEK(), nil)
	_, err := s.Wrap(t.Context(), kekB, testDEK(), nil)
	isUnknown(t, err)
	_, err = s.Unwrap(t.Context(), kekB, w, nil)
	isUnknown(t, err)
	_, err = s.Signer(t.Context(), "token:none")
	isUnknown(t, err)
	ok(t, s.DestroyKEK(t.Context(), kekB))
}

func duplicates(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	w := wrap(t, s, kekA, testDEK(), nil)
	fails(t, s.CreateKEK(t.Context(), kekA), fault.Conflict, keystore.CodeKeyExists)
	_, err := s.Unwrap(t.Context(), kekA, w, nil)
	ok(t, err)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	fails(t, s.CreateSigner(t.Context(), "token:1"), fault.Conflict, keystore.CodeKeyExists)
}

func refused(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	for _, id := range []string{"", ".", "..", "../root", "a/b", `a\b`, "a b", "-rf", ":x", "a\x00b", "a\nb",
		"ключ", "a%2fb", "\xff", strings.Repeat("a", keystore.MaxID+1)} {
		t.Run(fmt.Sprintf("%.12q", id), func(t *testing.T) {
			ctx := t.Context()
			check := func(err error) {
				t.Helper()
				fails(t, err, fault.Invalid, keystore.CodeInvalidID)
			}
			check(s.CreateKEK(ctx, id))
			check(s.CreateSigner(ctx, id))
			check(s.DestroyKEK(ctx, id))
			_, err := s.Wrap(ctx, id, testDEK(), nil)
			check(err)
			_, err = s.Unwrap(ctx, id, make([]byte, 61), nil)
			check(err)
			_, err = s.Signer(ctx, id)
			check(err)
		})
	}
	for _, id := range []string{"system", "audit:1", "token:2026-11-a", "A.b_c-D:9", strings.Repeat("z", keystore.MaxID)} {
		ok(t, s.CreateKEK(t.Context(), id))
		wrap(t, s, id, testDEK(), nil)
	}
	for _, size := range []int{0, keystore.MaxDEK + 1, 1 << 20} {
		_, err := s.Wrap(t.Context(), kekA, make([]byte, size), nil)
		fails(t, err, fault.Invalid, keystore.CodeInvalidDEK)
	}
}

func reopen(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	ok(t, s.CreateKEK(t.Context(), kekB))
	w := wrap(t, s, kekA, testDEK(), []byte("a"))
	wb := wrap(t, s, kekB, testDEK(), []byte("a"))
	ok(t, s.DestroyKEK(t.Context(), kekB))
	ok(t, s.Close())

	s = open(t, env)
	got, err := s.Unwrap(t.Context(), kekA, w, []byte("a"))
	ok(t, err)
	if !bytes.Equal(got, testDEK()) {
		t.Fatal("the key came back changed")
	}
	_, err = s.Unwrap(t.Context(), kekB, wb, []byte("a"))
	isUnknown(t, err)
	fails(t, s.CreateKEK(t.Context(), kekA), fault.Conflict, keystore.CodeKeyExists)
}

func closed(t *testing.T, env Env) {
	s := withKEK(t, env, kekA)
	ok(t, s.CreateSigner(t.Context(), "token:1"))
	w := wrap(t, s, kekA, testDEK(), nil)
	health(t, s, env, true)
	ok(t, s.Close())
	ok(t, s.Close())
	health(t, s, env, false)
	everythingIsAway(t, s, w)
}
