//go:build pkcs11 && cgo

package pkcs11_test

import (
	"bytes"
	"crypto"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
)

// copies returns the session objects of a class.
func (r raw) copies(t testing.TB, class uint) []p11.ObjectHandle {
	t.Helper()
	must(t, r.FindObjectsInit(r.sh, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, class), p11.NewAttribute(p11.CKA_TOKEN, false)}))
	all, _, err := r.FindObjects(r.sh, 100)
	must(t, err)
	must(t, r.FindObjectsFinal(r.sh))
	return all
}

func dek() []byte { return []byte("0123456789abcdef0123456789ABCDEF") }

func wrapped(t testing.TB, s keystore.KeyStore, id string) []byte {
	t.Helper()
	w, err := s.Wrap(t.Context(), id, dek(), nil)
	must(t, err)
	return w
}

func opens(t testing.TB, s keystore.KeyStore, id string, w []byte) {
	t.Helper()
	got, err := s.Unwrap(t.Context(), id, w, nil)
	must(t, err)
	if !bytes.Equal(got, dek()) {
		t.Fatal("the key came back changed")
	}
}

func opensNot(t testing.TB, s keystore.KeyStore, w []byte, code string) {
	t.Helper()
	if got, err := s.Unwrap(t.Context(), kek, w, nil); fault.CodeOf(err) != code || got != nil {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func TestCopiesCannotBeExtracted(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	must(t, s.CreateSigner(t.Context(), "token:1"))
	wrapped(t, s, kek)
	_, err := s.Signer(t.Context(), "token:1")
	must(t, err)
	r := tok.raw(t)
	keys := append(r.copies(t, p11.CKO_SECRET_KEY), r.copies(t, p11.CKO_PRIVATE_KEY)...)
	if len(keys) != 2 {
		t.Fatalf("%d copies, want one of the KEK and one of the signer", len(keys))
	}
	r.cannotExtract(t, keys)
}

func TestADestroyedKeyLeavesNoCopy(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	w := wrapped(t, s, kek)
	r := tok.raw(t)
	if n := len(r.copies(t, p11.CKO_SECRET_KEY)); n != 1 {
		t.Fatalf("%d copies, want 1", n)
	}
	must(t, s.DestroyKEK(t.Context(), kek))
	if n := len(r.copies(t, p11.CKO_SECRET_KEY)); n != 0 {
		t.Fatalf("%d copies of a destroyed key", n)
	}
	opensNot(t, s, w, keystore.CodeKeyNotFound)
}

// What other processes do to the token is noticed within one second.
func TestAKeyThatAnotherProcessDestroys(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	w := wrapped(t, s, kek)
	tok.otherProcess(t, "destroy")
	opens(t, s, kek, w) // by the copy: without this the rest proves nothing
	tok.now.Add(int64(time.Second))
	opensNot(t, s, w, keystore.CodeKeyNotFound)
	if _, err := s.Wrap(t.Context(), kek, dek(), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("got %v", err)
	}
	if n := len(tok.raw(t).copies(t, p11.CKO_SECRET_KEY)); n != 0 {
		t.Fatalf("%d copies of a destroyed key", n)
	}
}

func TestAKeyThatAnotherProcessMakesAnew(t *testing.T) {
	cases := map[string]struct {
		wait  time.Duration
		first func(t *testing.T, s keystore.KeyStore, before, after []byte)
	}{
		"after a second":                     {wait: time.Second},
		"long after":                         {wait: time.Hour},
		"when the clock was set back":        {wait: -time.Hour},
		"at once, by what was wrapped since": {first: func(t *testing.T, s keystore.KeyStore, _, after []byte) { opens(t, s, kek, after) }},
		"at once, by what opens under neither": {first: func(t *testing.T, s keystore.KeyStore, before, _ []byte) {
			bad := bytes.Clone(before)
			bad[len(bad)-1] ^= 1
			opensNot(t, s, bad, keystore.CodeUnwrapFailed)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tok := newToken(t)
			s := tok.open(t)
			must(t, s.CreateKEK(t.Context(), kek))
			before := wrapped(t, s, kek)
			after := tok.otherProcess(t, "anew")
			tok.now.Add(int64(c.wait))
			if c.first != nil {
				c.first(t, s, before, after)
			}
			opensNot(t, s, before, keystore.CodeUnwrapFailed)
			opens(t, s, kek, after)
			w := wrapped(t, s, kek)
			must(t, s.Close())
			opens(t, tok.open(t), kek, w)
		})
	}
}

// Some tokens give a handle that is free to the next object. Here the object
// becomes another one under its handle, which comes to the same.
func TestAHandleThatComesToMeanAnotherKey(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	w := wrapped(t, s, kek)
	r := tok.raw(t)
	must(t, r.FindObjectsInit(r.sh, []*p11.Attribute{p11.NewAttribute(p11.CKA_LABEL, "oneclaw/kek/"+kek), p11.NewAttribute(p11.CKA_TOKEN, true)}))
	found, _, err := r.FindObjects(r.sh, 2)
	must(t, err)
	must(t, r.FindObjectsFinal(r.sh))
	if len(found) != 1 {
		t.Fatalf("%d durable keys, want 1", len(found))
	}
	must(t, r.SetAttributeValue(r.sh, found[0], []*p11.Attribute{
		p11.NewAttribute(p11.CKA_LABEL, "oneclaw/kek/other"), p11.NewAttribute(p11.CKA_ID, []byte("other"))}))
	tok.now.Add(int64(time.Second))
	opensNot(t, s, w, keystore.CodeKeyNotFound)
}

// The session that holds the copies may end alone, and a token may throw copies
// away to make room.
func TestCopiesThatAreLost(t *testing.T) {
	cases := map[string]func(t *testing.T, r raw, ended *atomic.Bool){
		"destroyed": func(t *testing.T, r raw, _ *atomic.Bool) {
			for _, obj := range append(r.copies(t, p11.CKO_SECRET_KEY), r.copies(t, p11.CKO_PRIVATE_KEY)...) {
				must(t, r.DestroyObject(r.sh, obj))
			}
		},
		"their session ended": func(t *testing.T, r raw, ended *atomic.Bool) {
			for _, obj := range append(r.copies(t, p11.CKO_SECRET_KEY), r.copies(t, p11.CKO_PRIVATE_KEY)...) {
				must(t, r.DestroyObject(r.sh, obj))
			}
			ended.Store(true)
		},
	}
	for name, lose := range cases {
		t.Run(name, func(t *testing.T) {
			tok := newToken(t)
			s := tok.open(t)
			var ended atomic.Bool
			pkcs11.CopyWith(s, func(next pkcs11.CopyFunc) pkcs11.CopyFunc {
				return func(sh p11.SessionHandle, obj p11.ObjectHandle, attrs []*p11.Attribute) (p11.ObjectHandle, error) {
					if ended.Swap(false) {
						return 0, p11.Error(p11.CKR_SESSION_HANDLE_INVALID)
					}
					return next(sh, obj, attrs)
				}
			})
			must(t, s.CreateKEK(t.Context(), kek))
			must(t, s.CreateSigner(t.Context(), "token:1"))
			w := wrapped(t, s, kek)
			k, err := s.Signer(t.Context(), "token:1")
			must(t, err)
			lose(t, tok.raw(t), &ended)
			opens(t, s, kek, w)
			_, err = k.Sign(nil, []byte("m"), crypto.Hash(0))
			must(t, err)
			r := tok.raw(t)
			if n := len(r.copies(t, p11.CKO_SECRET_KEY)) + len(r.copies(t, p11.CKO_PRIVATE_KEY)); n != 2 {
				t.Fatalf("%d copies, want 2 new ones", n)
			}
		})
	}
}

func TestCopiesAreBounded(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	pkcs11.LimitCopies(s, 2)
	var made atomic.Int32
	pkcs11.CopyWith(s, func(next pkcs11.CopyFunc) pkcs11.CopyFunc {
		return func(sh p11.SessionHandle, obj p11.ObjectHandle, attrs []*p11.Attribute) (p11.ObjectHandle, error) {
			made.Add(1)
			return next(sh, obj, attrs)
		}
	})
	ids := make([]string, 4)
	blobs := make([][]byte, len(ids))
	for i := range ids {
		ids[i] = fmt.Sprint("vault:", i)
		must(t, s.CreateKEK(t.Context(), ids[i]))
		blobs[i] = wrapped(t, s, ids[i])
	}
	r := tok.raw(t)
	check := func(want int32) {
		t.Helper()
		if n := len(r.copies(t, p11.CKO_SECRET_KEY)); n != 2 {
			t.Fatalf("%d copies, want 2", n)
		}
		if n := made.Load(); n != want {
			t.Fatalf("%d copies were made, want %d", n, want)
		}
	}
	check(2)
	for range 70 { // all four are in use, so none makes room
		tok.now.Add(int64(time.Second))
		for i := range ids {
			opens(t, s, ids[i], blobs[i])
		}
	}
	check(2)
	for range 70 { // the first two are not
		tok.now.Add(int64(time.Second))
		opens(t, s, ids[2], blobs[2])
		opens(t, s, ids[3], blobs[3])
	}
	check(4)
	for i := range ids {
		opens(t, s, ids[i], blobs[i])
	}
	check(4)
}
