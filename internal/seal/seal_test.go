package seal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const (
	kekA = "vault:a"
	kekB = "vault:b"
)

func newSealer(t testing.TB) (*seal.Sealer, *soft.Store) {
	t.Helper()
	keys, err := soft.Open(t.Context(), soft.Config{Dir: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	for _, id := range []string{kekA, kekB} {
		if err := keys.CreateKEK(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return seal.New(keys), keys
}

func mustSeal(t testing.TB, s *seal.Sealer, kek string, r seal.Ref, value string) seal.Box {
	t.Helper()
	b, err := s.Seal(t.Context(), kek, r, secret.FromString(value))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fails wants the one fault of everything that does not open, word for word.
func fails(t *testing.T, v secret.Bytes, err error) {
	t.Helper()
	const want = "value_damaged: The stored value does not open: it was altered or belongs to another row."
	if err == nil || err.Error() != want || !fault.Is(err, fault.Damaged) {
		t.Fatalf("got %v, want %s", err, want)
	}
	if v.Reveal() != nil {
		t.Fatal("bytes came with the error")
	}
}

func TestRoundTrip(t *testing.T) {
	s, _ := newSealer(t)
	for _, size := range []int{0, 1, 15, 16, 17, 4096, 512 << 10} {
		value := strings.Repeat("v", size)
		box := mustSeal(t, s, kekA, row, value)
		if size >= 15 && bytes.Contains(box.Ciphertext, []byte(value[:15])) {
			t.Fatal("the ciphertext shows the value")
		}
		got, err := s.Open(t.Context(), kekA, row, box)
		if err != nil || string(got.Reveal()) != value {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	s, _ := newSealer(t)
	a, b := mustSeal(t, s, kekA, row, "value"), mustSeal(t, s, kekA, row, "value")
	if bytes.Equal(a.WrappedDEK, b.WrappedDEK) || bytes.Equal(a.Ciphertext, b.Ciphertext) {
		t.Fatal("two seals of one value share a key or a nonce")
	}
}

func TestSealLeavesTheValueAlone(t *testing.T) {
	s, _ := newSealer(t)
	v := secret.FromString("value")
	if _, err := s.Seal(t.Context(), kekA, row, v); err != nil || string(v.Reveal()) != "value" {
		t.Fatalf("the caller's value became %q, %v", v.Reveal(), err)
	}
}

func TestSwaps(t *testing.T) {
	s, _ := newSealer(t)
	ref := seal.Ref{Org: "org", Vault: "vault", Path: "a/bc", Version: 7}
	box := mustSeal(t, s, kekA, ref, "value")
	other := mustSeal(t, s, kekA, ref, "other")
	cases := map[string]struct {
		kek string
		ref seal.Ref
		box seal.Box
	}{
		"another organisation":              {kekA, seal.Ref{"org2", "vault", "a/bc", 7}, box},
		"another vault, same key":           {kekA, seal.Ref{"org", "vault2", "a/bc", 7}, box},
		"another path":                      {kekA, seal.Ref{"org", "vault", "a/bd", 7}, box},
		"a path in another case":            {kekA, seal.Ref{"org", "vault", "A/bc", 7}, box},
		"an older version":                  {kekA, seal.Ref{"org", "vault", "a/bc", 6}, box},
		"a version that differs high up":    {kekA, seal.Ref{"org", "vault", "a/bc", 7 + 1<<32}, box},
		"organisation and vault swapped":    {kekA, seal.Ref{"vault", "org", "a/bc", 7}, box},
		"a letter moved to the vault":       {kekA, seal.Ref{"or", "gvault", "a/bc", 7}, box},
		"a letter moved to the path":        {kekA, seal.Ref{"org", "vaul", "ta/bc", 7}, box},
		"an empty row":                      {kekA, seal.Ref{}, box},
		"another vault's key":               {kekB, ref, box},
		"the DEK of another value":          {kekA, ref, seal.Box{WrappedDEK: other.WrappedDEK, Ciphertext: box.Ciphertext}},
		"the ciphertext of another value":   {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK, Ciphertext: other.Ciphertext}},
		"the halves swapped":                {kekA, ref, seal.Box{WrappedDEK: box.Ciphertext, Ciphertext: box.WrappedDEK}},
		"the wrapped DEK twice":             {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK, Ciphertext: box.WrappedDEK}},
		"nothing":                           {kekA, ref, seal.Box{}},
		"no DEK":                            {kekA, ref, seal.Box{Ciphertext: box.Ciphertext}},
		"no ciphertext":                     {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK}},
		"format bytes alone":                {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK[:1], Ciphertext: box.Ciphertext[:1]}},
		"a ciphertext one byte too short":   {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK, Ciphertext: box.Ciphertext[:len(box.Ciphertext)-1]}},
		"a ciphertext with a byte too many": {kekA, ref, seal.Box{WrappedDEK: box.WrappedDEK, Ciphertext: append(bytes.Clone(box.Ciphertext), 0)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := s.Open(t.Context(), c.kek, c.ref, c.box)
			fails(t, v, err)
		})
	}
	if _, err := s.Open(t.Context(), kekA, ref, box); err != nil {
		t.Fatalf("the untouched box no longer opens: %v", err)
	}
}

func TestEveryByteCounts(t *testing.T) {
	s, _ := newSealer(t)
	box := mustSeal(t, s, kekA, row, "a value to be altered")
	for half, b := range map[string][]byte{"wrapped DEK": box.WrappedDEK, "ciphertext": box.Ciphertext} {
		for i := range b {
			for _, mask := range []byte{1, 0x80, 0xff} {
				b[i] ^= mask
				v, err := s.Open(t.Context(), kekA, row, box)
				b[i] ^= mask
				if fault.CodeOf(err) != seal.CodeOpenFailed || v.Reveal() != nil {
					t.Fatalf("%s byte %d ^ %#x: %v", half, i, mask, err)
				}
			}
		}
	}
	if _, err := s.Open(t.Context(), kekA, row, box); err != nil {
		t.Fatalf("the box put back no longer opens: %v", err)
	}
}

// TestAAD pins the bytes: rows that are stored must open in later versions.
func TestAAD(t *testing.T) {
	got := seal.Ref{Org: "a", Vault: "bc", Path: "p/q", Version: 258}.AAD()
	want := "oneclaw/secret/v1" + "\x00\x00\x00\x01a" + "\x00\x00\x00\x02bc" + "\x00\x00\x00\x03p/q" + "\x00\x00\x00\x00\x00\x00\x01\x02"
	if string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	seen := map[string]seal.Ref{}
	for _, r := range []seal.Ref{
		{"a", "bc", "", 1}, {"ab", "c", "", 1}, {"", "abc", "", 1}, {"abc", "", "", 1}, {"a", "b", "c", 1},
		{"", "", "abc", 1}, {"a", "", "bc", 1}, {"\x00\x00\x00\x01a", "", "", 1}, {"a", "b", "c", 2},
		{"a", "b", "c" + string(binary.BigEndian.AppendUint64(nil, 1)), 1},
	} {
		if twin, taken := seen[string(r.AAD())]; taken {
			t.Errorf("%+v and %+v have the same AAD", r, twin)
		}
		seen[string(r.AAD())] = r
	}
}

func TestKeystoreFaultsPassThrough(t *testing.T) {
	s, keys := newSealer(t)
	box := mustSeal(t, s, kekA, row, "value")
	_, err := s.Seal(t.Context(), "vault:none", row, secret.FromString("value"))
	if fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("sealing under an unknown key: %v", err)
	}
	if err := keys.DestroyKEK(t.Context(), kekA); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Open(t.Context(), kekA, row, box); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("opening under a destroyed key: %v", err)
	}
	_ = keys.Close()
	if _, err = s.Open(t.Context(), kekB, row, box); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("opening with a closed keystore: %v", err)
	}
	if _, err = s.Seal(t.Context(), kekB, row, secret.FromString("value")); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("sealing with a closed keystore: %v", err)
	}
}

// keep is a keystore that keeps the very memory of the data keys.
type keep struct {
	keystore.KeyStore
	deks [][]byte
	fail error
}

func (k *keep) Wrap(ctx context.Context, id string, dek, aad []byte) ([]byte, error) {
	k.deks = append(k.deks, dek)
	if k.fail != nil {
		return nil, k.fail
	}
	return k.KeyStore.Wrap(ctx, id, dek, aad)
}

func (k *keep) Unwrap(ctx context.Context, id string, wrapped, aad []byte) ([]byte, error) {
	dek, err := k.KeyStore.Unwrap(ctx, id, wrapped, aad)
	k.deks = append(k.deks, dek)
	return dek, err
}

func TestDEKsAreWiped(t *testing.T) {
	_, keys := newSealer(t)
	k := &keep{KeyStore: keys}
	s := seal.New(k)
	box := mustSeal(t, s, kekA, row, "value")
	if _, err := s.Open(t.Context(), kekA, row, box); err != nil {
		t.Fatal(err)
	}
	box.Ciphertext[20] ^= 1
	if _, err := s.Open(t.Context(), kekA, row, box); err == nil {
		t.Fatal("an altered box opened")
	}
	k.fail = errors.New("down")
	if _, err := s.Seal(t.Context(), kekA, row, secret.FromString("v")); err == nil {
		t.Fatal("sealed without a keystore")
	}
	if len(k.deks) != 4 {
		t.Fatalf("saw %d data keys", len(k.deks))
	}
	for i, dek := range k.deks {
		if len(dek) != 32 || !bytes.Equal(dek, make([]byte, 32)) {
			t.Errorf("data key %d was left in memory", i)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s, _ := newSealer(f)
	good := mustSeal(f, s, kekA, row, "value")
	f.Add(good.WrappedDEK, good.Ciphertext, row.Org, row.Vault, row.Path, row.Version)
	f.Add([]byte{}, []byte{}, "", "", "", uint64(0))
	f.Add([]byte{1}, make([]byte, 29), "o", "v", "p", uint64(1))
	f.Fuzz(func(t *testing.T, dek, text []byte, org, vault, path string, version uint64) {
		r := seal.Ref{Org: org, Vault: vault, Path: path, Version: version}
		v, err := s.Open(t.Context(), kekA, r, seal.Box{WrappedDEK: dek, Ciphertext: text})
		if err == nil {
			same := r == row && bytes.Equal(dek, good.WrappedDEK) && bytes.Equal(text, good.Ciphertext)
			if !same || string(v.Reveal()) != "value" {
				t.Fatal("a box opened that was never sealed")
			}
			return
		}
		if fault.CodeOf(err) != seal.CodeOpenFailed {
			t.Fatalf("another fault: %v", err)
		}
	})
}
