package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

// While the database is copied, one vault gets a new key and loses its old one,
// and another vault is made. The copy needs both keys.
func TestABackupHasTheKeysOfTheWholeTimeThatItTook(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "keys")
	keys, err := soft.Open(t.Context(), soft.Config{Dir: from})
	if err != nil {
		t.Fatal(err)
	}
	wrapped := map[string][]byte{}
	create := func(id string) {
		t.Helper()
		if err := keys.CreateKEK(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if wrapped[id], err = keys.Wrap(t.Context(), id, make([]byte, 32), nil); err != nil {
			t.Fatal(err)
		}
	}
	create("vault:a")
	create("vault:b")
	var out bytes.Buffer
	b := &backup{Operator: operator.Operator{Stdout: &out, Now: time.Now}, cfg: config.Config{Data: t.TempDir(), KeystoreDir: from}}
	if b.keyID, b.signer, err = keyring.Backup.Newest(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	err = b.keys(to, func() error {
		if err := keys.DestroyKEK(t.Context(), "vault:a"); err != nil {
			t.Fatal(err)
		}
		create("vault:c")
		return nil
	}, func(string) (bool, error) { return true, nil })
	if err != nil || !strings.Contains(out.String(), "Copied 5 key files") { // and the root key, and the one that signs
		t.Errorf("%s, %v", out.String(), err)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := soft.Open(t.Context(), soft.Config{Dir: to})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	for id, w := range wrapped {
		if _, err := copied.Unwrap(t.Context(), id, w, nil); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
	}
	if err := b.keys(to, func() error { return nil }, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("into a folder that is not empty: %v", err)
	}
}
