package sqldb_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// lesser makes a role that may do all with the tables of a database, and returns its
// DSN and a session of their owner.
func lesser(t *testing.T) (dsn string, as func(sql string)) {
	t.Helper()
	owners := dbkit.Engines["postgres"](t).PostgresDSN
	dbkit.Open(t, store.Config{PostgresDSN: owners}) // the schema is there
	sql := pgtest.Session(t, owners)
	u, err := url.Parse(owners)
	if err != nil {
		t.Fatal(err)
	}
	role := "lesser_" + strings.ToLower(strings.TrimPrefix(u.Path, "/"))
	sql(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'lesser'`)
	sql(`GRANT USAGE ON SCHEMA public TO ` + role)
	sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ` + role)
	u.User = url.UserPassword(role, "lesser")
	return u.String(), func(text string) { sql(strings.ReplaceAll(text, "$", role)) }
}

// TestThePrivilegesThatARoleLacksAreNamed takes each from it on every table.
func TestThePrivilegesThatARoleLacksAreNamed(t *testing.T) {
	dsn, sql := lesser(t)
	db := dbkit.Look(t, store.Config{PostgresDSN: dsn})
	lacks := func(want ...string) {
		t.Helper()
		if missing, err := db.Privileges(t.Context()); err != nil || !slices.Equal(missing, want) {
			t.Errorf("%v, want %v: %v", missing, want, err)
		}
	}
	lacks()
	tables, err := db.Texts(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%' ORDER BY 1`)
	if err != nil || len(tables) < 40 {
		t.Fatalf("%v: %v", tables, err)
	}
	for _, table := range tables {
		sql(`REVOKE ALL ON ` + table + ` FROM $`)
		lacks("SELECT, INSERT, UPDATE, DELETE on " + table)
		sql(`GRANT SELECT, INSERT, UPDATE ON ` + table + ` TO $`)
		lacks("DELETE on " + table)
		sql(`GRANT DELETE ON ` + table + ` TO $`)
	}
	sql(`REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM $`)
	lacks()
	sql(`REVOKE SELECT ON goose_db_version FROM $`)
	lacks("SELECT on goose_db_version")
}

func TestSessionsThatOnlyReadAreSeen(t *testing.T) {
	dsn, sql := lesser(t)
	for _, only := range []bool{false, true} {
		if only {
			sql(`ALTER ROLE $ SET default_transaction_read_only = on`)
		}
		if got, err := dbkit.Look(t, store.Config{PostgresDSN: dsn}).ReadOnly(t.Context()); err != nil || got != only {
			t.Errorf("%v, want %v: %v", got, only, err)
		}
	}
}
