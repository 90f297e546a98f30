package store_test

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// filled is the folder of a closed database whose tables and indexes have several
// leaves.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db := open(t, store.Config{Dir: dir})
	appendEvents(t, db, newOrg(), 200)
	fillSecrets(t, db, 600)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fillSecrets makes a vault v with n secrets of one version.
func fillSecrets(t *testing.T, db *store.DB, n int) {
	t.Helper()
	db.Exec(t, `INSERT INTO vaults (id, org_id, name, description, created_by, created_by_type, creator_human, created_at)
		VALUES ('v', 'o', 'v', '', '', '', '', 0)`)
	numbers := `WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < $1) `
	db.Exec(t, `INSERT INTO secrets (vault_id, path, version, version_id, type, metadata, created_at) `+numbers+
		`SELECT 'v', 'path/' || i, 1, 'a version with the number ' || i, 'generic', '{}', 0 FROM s`, n)
	db.Exec(t, `INSERT INTO secret_versions (vault_id, path, version, id, type, metadata, rotation_policy, wrapped_dek, ciphertext,
		cmek_encrypted, created_by, created_at, max_access_count, access_count, kek_gen) `+numbers+
		`SELECT 'v', 'path/' || i, 1, 'a version with the number ' || i, 'generic', '{}', '{}', CAST('x' AS `+bytesType(db)+`), CAST('x' AS `+bytesType(db)+`), 0, 'u', 0, 0, 0, 0 FROM s`, n)
}

func bytesType(db *store.DB) string {
	if db.Postgres() {
		return "BYTEA"
	}
	return "BLOB"
}

// damageLeaf alters the first leaf of a table or index in a database file.
func damageLeaf(t *testing.T, dir, name string, alter func(page []byte)) {
	t.Helper()
	file := filepath.Join(dir, store.File)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	var page int
	if err := db.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = $1`, name).Scan(&page); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := (page - 1) * pageSize
	for b[at] == 0x02 { // an inner page of an index
		cell := int(binary.BigEndian.Uint16(b[at+12:]))
		at = (int(binary.BigEndian.Uint32(b[at+cell:])) - 1) * pageSize
	}
	if b[at] != 0x0a {
		t.Fatalf("page %d of %s is of kind %d", at/pageSize+1, name, b[at])
	}
	alter(b[at : at+pageSize])
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// damages are what a failing disk did to a leaf.
func damages() map[string]struct {
	in    string
	alter func(page []byte)
} {
	lastByte := func(page []byte) { page[pageSize-5] ^= 1 }
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
			dir, to := filled(t), t.TempDir()
			damageLeaf(t, dir, d.in, d.alter)
			_, err := look(t, store.Config{Dir: dir}).Backup(t.Context(), to, nil)
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
			dir, to := filled(t), t.TempDir()
			if _, err := look(t, store.Config{Dir: dir}).Backup(t.Context(), to, nil); err != nil {
				t.Fatal(err)
			}
			damageLeaf(t, to, d.in, d.alter)
			if _, err := store.CheckCopy(t.Context(), to, nil); err == nil {
				t.Error("it passed")
			}
		})
	}
}

func TestHealthKeepsSayingThatTheDatabaseIsDamaged(t *testing.T) {
	dir := filled(t)
	damageLeaf(t, dir, "secrets", func(page []byte) { page[0] = 0xff })
	db, org := open(t, store.Config{Dir: dir}), newOrg()
	if err := db.Ready(); err != nil {
		t.Fatal(err)
	}
	err := db.Write(t.Context(), org, func(tx *store.Tx) error { return tx.ExecIn(`UPDATE secrets SET metadata = '{}'`) })
	if fault.CodeOf(err) != audit.CodeDamaged {
		t.Fatalf("a write there: %v", err)
	}
	appendEvents(t, db, org, 1) // elsewhere in the file
	if err := db.Ready(); fault.CodeOf(err) != audit.CodeDamaged {
		t.Errorf("ready: %v", err)
	}
}
