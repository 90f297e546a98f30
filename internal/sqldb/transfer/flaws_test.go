package transfer_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func flawsOf(t *testing.T, db *store.DB) (all []transfer.Flaw) {
	t.Helper()
	if err := db.Flaws(t.Context(), nil, func(f transfer.Flaw) error { all = append(all, f); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestADamagedTextOfAnyTableIsNamed goes over every column for texts that the schema
// has. What a later migration adds is covered without a word here.
func TestADamagedTextOfAnyTableIsNamed(t *testing.T) {
	for bytes, problem := range map[string]string{"ff": "is no UTF-8", "6100": "holds a NUL"} {
		cfg := dbkit.Engines["sqlite"](t)
		db := dbkit.Open(t, cfg)
		tables := fill(t, db)
		texts := 0
		for name, columns := range tables {
			for _, c := range columns {
				if c.kind == "TEXT" {
					texts++
					dbkit.Exec(t, db, `UPDATE "`+name+`" SET "`+c.name+`" = CAST(CAST(x'`+bytes+`' AS TEXT) || hex(randomblob(8)) AS TEXT)`)
				}
			}
		}
		found := map[string]int{}
		for _, f := range flawsOf(t, dbkit.Look(t, cfg)) {
			if f.Problem == "is a time out of range" {
				continue // fill stores the widest numbers
			}
			if f.Problem != problem || !f.Unmovable || f.Row == "" {
				t.Errorf("%+v, want that it %s", f, problem)
			}
			found[f.Table+"."+f.Column]++
		}
		for name, columns := range tables {
			for _, c := range columns {
				if n := found[name+"."+c.name]; c.kind == "TEXT" && n < 12 {
					t.Errorf("%s.%s: %d damaged rows are named, want 12 and more", name, c.name, n)
				}
			}
		}
		if len(found) != texts {
			t.Errorf("%d columns, want %d", len(found), texts)
		}
	}
}

func TestStoredJSONThatIsNoneIsNamed(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		dbkit.Exec(t, db, `INSERT INTO policies (id, vault_id, secret_path_pattern, principal_type, principal_id, permissions, conditions, created_by, created_by_type, created_at)
			VALUES ('p1', 'v', '*', 'user', 'u', '["read"]', '{"k":"content"]', 'u', 'user', 1), ('p2', 'v', '*', 'user', 'u', '["read"]', '', 'u', 'user', 1)`)
		all := flawsOf(t, dbkit.Look(t, cfg))
		if len(all) != 2 {
			t.Fatalf("%v", all)
		}
		for i, row := range []string{"p1", "p2"} { // no text at all is no JSON
			if all[i].Unmovable || all[i].String() != `table policies, row id "`+row+`": the text in conditions is no JSON` {
				t.Errorf("%v", all[i])
			}
		}
	})
}

// TestATextThatPostgreSQLCantStoreIsNamed also by what moves a database there.
func TestATextThatPostgreSQLCantStoreIsNamed(t *testing.T) {
	cfg := dbkit.Engines["sqlite"](t)
	dbkit.Exec(t, dbkit.Open(t, cfg), `INSERT INTO secrets (vault_id, path, version, version_id, type, metadata, created_at)
		VALUES ('v', 'a/b', 1, 'i', CAST(x'636f6e74656e74ff' AS TEXT), '{}', 1)`)
	to := dbkit.Unmade["postgres"](t)
	_, err := transfer.Transfer(t.Context(), dbkit.Look(t, cfg).DB, to, nil)
	if fault.CodeOf(err) != audit.CodeDamaged || !strings.Contains(err.Error(), `table secrets, row path "a/b", vault_id "v": the text in type is no UTF-8`) ||
		strings.Contains(err.Error(), "content") {
		t.Errorf("%v", err)
	}
	if used, err := dbkit.Look(t, to).InUse(t.Context()); err != nil || used {
		t.Errorf("something was left there: %v, %v", used, err)
	}
}

// TestAValueOfAnotherTypeIsNamed: SQLite keeps any type in any column, and no check of its
// pages says so.
func TestAValueOfAnotherTypeIsNamed(t *testing.T) {
	for set, want := range map[string]string{
		"created_at = 'content'":              "value of created_at is no whole number",
		"created_at = 1.5":                    "value of created_at is no whole number",
		"created_at = x'00'":                  "value of created_at is no whole number",
		"type = CAST('content' AS BLOB)":      "value of type is no text",
		"ciphertext = 'content'":              "value of ciphertext is not of bytes",
		"created_at = 9223372036854775807":    "value of created_at is a time out of range",
		"deleted_at = -9223372036854775807":   "value of deleted_at is a time out of range",
		"metadata = ''":                       "text in metadata is no JSON",
		"metadata = CAST('content' AS BLOB)":  "value of metadata is no text",
		"access_count = 9223372036854775807 ": "",
	} {
		cfg := dbkit.Engines["sqlite"](t)
		db := dbkit.Open(t, cfg)
		dbkit.FillSecrets(t, db, 2)
		if all := flawsOf(t, db); len(all) != 0 {
			t.Fatalf("before: %v", all)
		}
		dbkit.Exec(t, db, `UPDATE secret_versions SET `+set+` WHERE path = 'path/2'`)
		var got []string
		for _, f := range flawsOf(t, db) {
			got = append(got, f.String())
		}
		if want != "" {
			want = `table secret_versions, row path "path/2", vault_id "v", version 1: the ` + want
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: %q, want %q", set, got, want)
		}
	}
}

// TestATypeThatCantBeCopiedIsNamed by what moves a database.
func TestATypeThatCantBeCopiedIsNamed(t *testing.T) {
	cfg := dbkit.Engines["sqlite"](t)
	db := dbkit.Open(t, cfg)
	dbkit.FillSecrets(t, db, 2)
	dbkit.Exec(t, db, `UPDATE secrets SET created_at = 'content' WHERE path = 'path/2'`)
	_, err := transfer.Transfer(t.Context(), db.DB, dbkit.Unmade["sqlite"](t), nil)
	if fault.CodeOf(err) != audit.CodeDamaged || !strings.Contains(err.Error(), `table secrets, row path "path/2", vault_id "v": the value of created_at is no whole number`) ||
		strings.Contains(err.Error(), "content") {
		t.Errorf("%v", err)
	}
}
