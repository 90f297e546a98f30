package backup

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// A backup of before, when nobody looked at the pages of the source, is signed and as
// it was made, and yet its pages do not fit together.
func TestABackupOfADamagedDatabaseSaysThatTheBackupIs(t *testing.T) {
	h := house.New(t, false)
	h.Fill()
	keys := t.TempDir()
	id, signer, err := keyring.Backup.Newest(t.Context(), h.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := copyKeys(h.KeyDir, keys); err != nil {
		t.Fatal(err)
	}
	p, err := newParcel(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := manifest{Holds: holdsDatabase, MadeAt: time.Now()}
	if m.Schema, _, err = h.DB.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := store.Look(store.Config{Dir: h.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if m.Tables, err = transfer.Backup(t.Context(), db.DB, p.staging, nil); err != nil {
		t.Fatal(err)
	}
	hideEntry(t, filepath.Join(p.staging, sqldb.File), "audit_events_actor")
	if err := p.publish(m, id, signer); err != nil {
		t.Fatal(err)
	}
	for _, accept := range []bool{false, true} {
		var out bytes.Buffer
		r := &restoring{Operator: operator.Operator{Stdout: &out, Stderr: &out, Now: time.Now}, damaged: accept,
			cfg: config.Config{Data: filepath.Join(t.TempDir(), "data"), KeystoreDir: keys}}
		if r.database, err = readSigned(p.dir, holdsDatabase); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{"restore --check": r.check(t.Context()), "restore": r.run(t.Context())} {
			if fault.CodeOf(err) != "backup_damaged" || !strings.Contains(err.Error(), "damaged when it was made") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// hideEntry makes an index say that its root, a leaf, has an entry less.
func hideEntry(t *testing.T, file, index string) {
	t.Helper()
	root := rootOf(t, file, index)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := b[(root-1)*4096:]
	if page[0] != 0x0a {
		t.Fatalf("the root of %s is of kind %d", index, page[0])
	}
	binary.BigEndian.PutUint16(page[3:], binary.BigEndian.Uint16(page[3:])-1)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func rootOf(t *testing.T, file, name string) (root int) {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = $1`, name).Scan(&root); err != nil {
		t.Fatal(err)
	}
	return root
}
