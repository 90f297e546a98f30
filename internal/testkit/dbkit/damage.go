package dbkit

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// PageSize is that of SQLite's files.
const PageSize = 4096

// Filled is the folder of a closed database whose tables and indexes have several
// leaves.
func Filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db := Open(t, store.Config{Dir: dir})
	AppendEvents(t, db, NewOrg(), 200)
	FillSecrets(t, db, 600)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// FillSecrets makes a vault v with n secrets of one version.
func FillSecrets(t *testing.T, db *store.DB, n int) {
	t.Helper()
	Exec(t, db, `INSERT INTO vaults (id, org_id, name, description, created_by, created_by_type, creator_human, created_at)
		VALUES ('v', 'o', 'v', '', '', '', '', 0)`)
	numbers := `WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < $1) `
	Exec(t, db, `INSERT INTO secrets (vault_id, path, version, version_id, type, metadata, created_at) `+numbers+
		`SELECT 'v', 'path/' || i, 1, 'a version with the number ' || i, 'generic', '{}', 0 FROM s`, n)
	Exec(t, db, `INSERT INTO secret_versions (vault_id, path, version, id, type, metadata, rotation_policy, wrapped_dek, ciphertext,
		cmek_encrypted, created_by, created_at, max_access_count, access_count, kek_gen) `+numbers+
		`SELECT 'v', 'path/' || i, 1, 'a version with the number ' || i, 'generic', '{}', '{}', CAST('x' AS `+BytesType(db)+`), CAST('x' AS `+BytesType(db)+`), 0, 'u', 0, 0, 0, 0 FROM s`, n)
}

// DamageLeaf alters the first leaf of a table or index in a database file.
func DamageLeaf(t *testing.T, dir, name string, alter func(page []byte)) {
	t.Helper()
	file := filepath.Join(dir, sqldb.File)
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
	at := (page - 1) * PageSize
	for b[at] == 0x02 { // an inner page of an index
		cell := int(binary.BigEndian.Uint16(b[at+12:]))
		at = (int(binary.BigEndian.Uint32(b[at+cell:])) - 1) * PageSize
	}
	if b[at] != 0x0a {
		t.Fatalf("page %d of %s is of kind %d", at/PageSize+1, name, b[at])
	}
	alter(b[at : at+PageSize])
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
