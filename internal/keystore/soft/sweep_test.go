package soft_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// TestWhatAKilledProcessLeftIsSwept: a file that was never given its name goes, unless
// another process may be writing it now. Linked to its name already, the key stays.
func TestWhatAKilledProcessLeftIsSwept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, soft.Config{Dir: dir})
	if err := s.CreateKEK(t.Context(), "vault:a"); err != nil {
		t.Fatal(err)
	}
	wrapped, err := s.Wrap(t.Context(), "vault:a", make([]byte, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, soft.KEKFile("vault:a"))
	at := time.Now()
	left := func(name string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, at.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	left(".tmp-old", 2*time.Hour)
	left(".tmp-new", time.Minute)
	left("other", 2*time.Hour)
	if err := os.Link(key, filepath.Join(dir, ".tmp-linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(key, time.Time{}, at.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(at.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".tmp-new", filepath.Base(key), "other", "root.key"}; !slices.Equal(names, want) {
		t.Errorf("%v are left, want %v", names, want)
	}
	if _, err := open(t, soft.Config{Dir: dir}).Unwrap(t.Context(), "vault:a", wrapped, nil); err != nil {
		t.Errorf("the key of the linked file: %v", err)
	}

	if err := s.CreateKEK(t.Context(), "vault:b"); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.KEKs(at.Add(-time.Hour)); err != nil || !slices.Equal(ids, []string{"vault:a"}) {
		t.Errorf("keys of before an hour: %v, %v", ids, err)
	}
}
