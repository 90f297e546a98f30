package keyring_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// TestADamagedKeyOfAnAccountIsNamed: doctor, backup and restore ask DamagedSigners. An
// account whose id looks like another series of keys gets no remedy of that series.
func TestADamagedKeyOfAnAccountIsNamed(t *testing.T) {
	cfg := config.Config{Keystore: "soft", KeystoreDir: t.TempDir()}
	keys, err := keyring.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, id := range []string{"account:1", "backup:1", "token:000001", "whole"} {
		if err := keys.CreateEVMKey(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if id == "whole" {
			continue
		}
		files = append(files, soft.EVMFile(id))
		name := filepath.Join(cfg.KeystoreDir, soft.EVMFile(id))
		if err := os.WriteFile(name, []byte("\x01 torn"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if bad, err := keyring.DamagedSigners(t.Context(), cfg, keys); err != nil || len(bad) != 3 {
		t.Fatalf("%v, %v", bad, err)
	} else {
		for i, k := range bad {
			if !k.Account || k.File != files[i] || !strings.Contains(k.String(), "nothing can be moved from its account without it") ||
				!strings.Contains(k.String(), files[i]) || strings.Contains(k.String(), "keys rotate") {
				t.Errorf("%+v: %s", k, k)
			}
		}
	}
	if ids, err := keys.EVMKeys(t.Context()); err != nil || !slices.Equal(ids, []string{"account:1", "backup:1", "token:000001", "whole"}) {
		t.Errorf("%v, %v", ids, err)
	}
}
