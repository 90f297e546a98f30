package dbkit

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Exec runs SQL beside the writer, as somebody with access to the database
// would.
func Exec(t *testing.T, db *store.DB, query string, args ...any) {
	t.Helper()
	exec := db.Exec
	if !db.Postgres() { // the writer has the only connection of its pool
		var seq, name, file string
		Scan(t, db, "PRAGMA database_list", nil, &seq, &name, &file)
		pool, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = pool.Close() }()
		exec = func(ctx context.Context, query string, args ...any) error {
			_, err := pool.ExecContext(ctx, query, args...)
			return err
		}
	}
	if err := exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Scan reads one row into dest.
func Scan(t *testing.T, db *store.DB, query string, args []any, dest ...any) {
	t.Helper()
	tx, err := db.Snapshot(t.Context())
	if err == nil {
		err = errors.Join(tx.QueryRowContext(t.Context(), query, args...).Scan(dest...), tx.Rollback())
	}
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Each hands every row of a query to fn.
func Each(t *testing.T, db *store.DB, query string, fn func(scan func(...any) error) error, args ...any) {
	t.Helper()
	if err := db.Each(t.Context(), query, args, func(rows *sql.Rows) error { return fn(rows.Scan) }); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// HoldWriter stops the writer until the returned func is called, so that what
// comes meanwhile shares a batch.
func HoldWriter(t *testing.T, db *store.DB, org string) (release func() error) {
	t.Helper()
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		done <- db.Write(context.Background(), org, func(store.Tx) error {
			if first {
				first = false
				close(in)
				<-out
			}
			return nil
		})
	}()
	<-in
	return func() error {
		close(out)
		return <-done
	}
}

// AtSchema brings cfg's database to an older schema, and opens it to be filled with
// what an older program left.
func AtSchema(t *testing.T, cfg store.Config, version int64) *sqldb.DB {
	t.Helper()
	db, err := sqldb.OpenBare(cfg, Look(t, Engines["sqlite"](t)).Parts())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.MigrateTo(t.Context(), version); err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	return db
}

// BytesType is the type of columns of bytes.
func BytesType(db *store.DB) string {
	if db.Postgres() {
		return "BYTEA"
	}
	return "BLOB"
}
