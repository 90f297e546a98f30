package transfer_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// damages are what a failing disk did to a leaf.
func damages() map[string]struct {
	in    string
	alter func(page []byte)
} {
	lastByte := func(page []byte) { page[dbkit.PageSize-5] ^= 1 }
	fewer := func(page []byte) { binary.BigEndian.PutUint16(page[3:], binary.BigEndian.Uint16(page[3:])-5) }
	return map[string]struct {
		in    string
		alter func(page []byte)
	}{
		"a bit in an index of versions":    {"sqlite_autoindex_secret_versions_1", lastByte},
		"a bit in an index of version ids": {"sqlite_autoindex_secret_versions_2", lastByte},
		"rows of secrets are hidden":       {"secrets", fewer},
	}
}

func TestNoBackupIsMadeOfADamagedDatabase(t *testing.T) {
	for name, d := range damages() {
		t.Run(name, func(t *testing.T) {
			dir, to := dbkit.Filled(t), t.TempDir()
			dbkit.DamageLeaf(t, dir, d.in, d.alter)
			_, err := transfer.Backup(t.Context(), dbkit.Look(t, store.Config{Dir: dir}).DB, to, nil)
			if fault.CodeOf(err) != audit.CodeDamaged {
				t.Errorf("got %v", err)
			}
			if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

func TestADamagedCopyIsNoBackup(t *testing.T) {
	for name, d := range damages() {
		t.Run(name, func(t *testing.T) {
			dir, to := dbkit.Filled(t), t.TempDir()
			if _, err := transfer.Backup(t.Context(), dbkit.Look(t, store.Config{Dir: dir}).DB, to, nil); err != nil {
				t.Fatal(err)
			}
			dbkit.DamageLeaf(t, to, d.in, d.alter)
			if _, err := transfer.CheckCopy(t.Context(), to, nil); err == nil {
				t.Error("it passed")
			}
		})
	}
}
