package store_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

func flawsOf(t *testing.T, db *store.DB) (all []store.Flaw) {
	t.Helper()
	if err := db.Flaws(t.Context(), nil, func(f store.Flaw) error { all = append(all, f); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestADamagedTextOfAnyTableIsNamed goes over every column for texts that the schema
// has. What a later migration adds is covered without a word here.
func TestADamagedTextOfAnyTableIsNamed(t *testing.T) {
	for bytes, problem := range map[string]string{"ff": "is no UTF-8", "6100": "holds a NUL"} {
		cfg := engines["sqlite"](t)
		db := open(t, cfg)
		tables := fill(t, db)
		texts := 0
		for name, columns := range tables {
			for _, c := range columns {
				if c.kind == "TEXT" {
					texts++
					db.Exec(t, `UPDATE "`+name+`" SET "`+c.name+`" = CAST(CAST(x'`+bytes+`' AS TEXT) || hex(randomblob(8)) AS TEXT)`)
				}
			}
		}
		found := map[string]int{}
		for _, f := range flawsOf(t, look(t, cfg)) {
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

// TestEachTextIsJSONOrNot: texts that are no identifiers are TEXT in the migrations, and
// not CTEXT, and are known here or as JSON.
func TestEachTextIsJSONOrNot(t *testing.T) {
	plain := map[string]bool{
		"address": true, "client": true, "cmek_fingerprint": true, "decision_reason": true, "description": true, "display_name": true, "ecdh_public_key": true, "error": true,
		"explorer_url": true, "kind": true, "label": true, "name": true, "native_currency": true, "password_hash": true, "passphrase_hash": true,
		"reason": true, "rpc_url": true, "ws_url": true, "url": true, "value": true, "client_cert_fingerprint": true, "oidc_issuer": true,
		"oidc_client_id": true, "ssh_public_key": true, "tx_max_value_eth": true, "tx_daily_limit_eth": true,
	}
	db := open(t, engines["postgres"](t))
	seen := 0
	db.Each(t, `SELECT table_name::text, column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`,
		func(scan func(...any) error) error {
			var table, column string
			if err := scan(&table, &column); err != nil {
				return err
			}
			seen++
			if plain[column] == store.IsJSON(column) {
				t.Errorf("%s.%s: is its text JSON, or not? Say so here or in jsonColumns", table, column)
			}
			return nil
		})
	if seen < 30 {
		t.Errorf("only %d columns", seen)
	}
}

func TestStoredJSONThatIsNoneIsNamed(t *testing.T) {
	onEach(t, func(t *testing.T, cfg store.Config) {
		db := open(t, cfg)
		db.Exec(t, `INSERT INTO policies (id, vault_id, secret_path_pattern, principal_type, principal_id, permissions, conditions, created_by, created_by_type, created_at)
			VALUES ('p1', 'v', '*', 'user', 'u', '["read"]', '{"k":"content"]', 'u', 'user', 1), ('p2', 'v', '*', 'user', 'u', '["read"]', '', 'u', 'user', 1)`)
		all := flawsOf(t, look(t, cfg))
		if len(all) != 1 || all[0].Unmovable || all[0].String() != `table policies, row id "p1": the text in conditions is no JSON` {
			t.Errorf("%v", all)
		}
	})
}

// TestATextThatPostgreSQLCantStoreIsNamed also by what moves a database there.
func TestATextThatPostgreSQLCantStoreIsNamed(t *testing.T) {
	cfg := engines["sqlite"](t)
	open(t, cfg).Exec(t, `INSERT INTO secrets (vault_id, path, version, version_id, type, metadata, created_at)
		VALUES ('v', 'a/b', 1, 'i', CAST(x'636f6e74656e74ff' AS TEXT), '{}', 1)`)
	to := unmade["postgres"](t)
	_, err := store.Transfer(t.Context(), look(t, cfg), to, nil)
	if fault.CodeOf(err) != audit.CodeDamaged || !strings.Contains(err.Error(), `table secrets, row path "a/b", vault_id "v": the text in type is no UTF-8`) ||
		strings.Contains(err.Error(), "content") {
		t.Errorf("%v", err)
	}
	if used, err := look(t, to).InUse(t.Context()); err != nil || used {
		t.Errorf("something was left there: %v, %v", used, err)
	}
}
