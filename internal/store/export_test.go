package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
)

// Exec runs SQL beside the writer, as somebody with access to the database
// would.
func (db *DB) Exec(t *testing.T, query string, args ...any) {
	t.Helper()
	pool := db.writers
	if !db.eng.postgres { // the writer has the only connection of its pool
		var seq, name, file string
		db.Scan(t, "PRAGMA database_list", nil, &seq, &name, &file)
		var err error
		if pool, err = sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = pool.Close() }()
	}
	if _, err := pool.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// IsJSON reports whether the texts of columns of that name are.
func IsJSON(column string) bool { return jsonColumns[column] }

// Scan reads one row into dest.
func (db *DB) Scan(t *testing.T, query string, args []any, dest ...any) {
	t.Helper()
	if err := db.readers.QueryRowContext(t.Context(), query, args...).Scan(dest...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// ExecIn is an op's statement.
func (tx *Tx) ExecIn(query string, args ...any) error {
	_, err := tx.exec(query, args...)
	return err
}

// Changed and Ended are what a write of an organisation's principals says.
func (tx *Tx) Changed(orgs ...string) { tx.changed(orgs...) }
func (tx *Tx) Ended(orgs ...string)   { tx.ended(orgs...) }

// SyncMode is SQLite's synchronous setting on the writer's connection, asked
// within a transaction: 1 is NORMAL, 2 is FULL.
func (tx *Tx) SyncMode(t *testing.T) (mode int) {
	if err := tx.w.conn.QueryRowContext(tx.ctx, "PRAGMA synchronous").Scan(&mode); err != nil {
		t.Error(err)
	}
	return mode
}

// HoldWriter stops the writer until the returned func is called, so that what
// comes meanwhile shares a batch.
func (db *DB) HoldWriter(t *testing.T, org string) (release func() error) {
	t.Helper()
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		done <- db.Write(context.Background(), org, func(*Tx) error {
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

// Queued is how many ops wait for the writer.
func (db *DB) Queued() int { return len(db.writer.queue) }

// Migrator returns the migrations of cfg's database without running them.
func Migrator(t *testing.T, cfg Config) (*goose.Provider, *sql.DB) {
	t.Helper()
	db := &DB{eng: sqliteEngine}
	if err := db.open(cfg); err != nil {
		t.Fatal(err)
	}
	p, err := db.migrator()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.closeAll() })
	return p, db.readers
}

// MaxBatch is how many ops share a commit at most.
const MaxBatch = maxBatch

// LastMode is the synchronous setting that the last commit was made in. Nothing
// may be under way.
func (db *DB) LastMode(t *testing.T) (mode int) {
	if err := db.writer.conn.QueryRowContext(context.Background(), "PRAGMA synchronous").Scan(&mode); err != nil {
		t.Error(err)
	}
	return mode
}

// LimitPages bounds the size of the SQLite file on the writer's connection.
// Nothing may be under way.
func (db *DB) LimitPages(t *testing.T, n int) {
	t.Helper()
	var now int
	if err := db.writer.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count=%d", n)).Scan(&now); err != nil {
		t.Fatal(err)
	}
}

// Listen hears changes of the epoch without polling, until the test ends. It
// sends once when it begins.
func Listen(t *testing.T, cfg Config) <-chan struct{} {
	db := &DB{eng: postgresEngine, log: slog.New(slog.DiscardHandler)}
	db.epoch.wake = make(chan struct{}, 1)
	ctx, stop := context.WithCancel(context.Background())
	db.done.Go(func() { db.listenEpoch(ctx, cfg.PostgresDSN) })
	t.Cleanup(func() {
		stop()
		db.done.Wait()
	})
	return db.epoch.wake
}

// MayUse asks whether a program that knows of schemas up to known may use db.
func (db *DB) MayUse(ctx context.Context, known int64) error { return db.mayUse(ctx, 1<<40, known) }

// Each hands every row of a query to fn.
func (db *DB) Each(t *testing.T, query string, fn func(scan func(...any) error) error, args ...any) {
	t.Helper()
	if err := db.each(t.Context(), query, args, func(rows *sql.Rows) error { return fn(rows.Scan) }); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Postgres reports which engine it is.
func (db *DB) Postgres() bool { return db.eng.postgres }

// HoldWalks takes the connection of walks until the returned func is called.
func (db *DB) HoldWalks(t *testing.T) (release func()) {
	t.Helper()
	c, err := db.walks.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = c.Close() }
}

// OpenWalks is how many connections walks have.
func (db *DB) OpenWalks() int { return db.walks.Stats().OpenConnections }

// Plan is how SQLite runs a statement.
type Plan struct{ Query, Plan string }

// Plans asks for the plan of every statement that was prepared so far, and of more.
func (db *DB) Plans(t *testing.T, more ...string) (out []Plan) {
	t.Helper()
	all := more
	db.stmts.Range(func(query, _ any) bool {
		all = append(all, query.(string))
		return true
	})
	for query := range db.writer.stmts {
		all = append(all, query)
	}
	for _, query := range all {
		if first, _, _ := strings.Cut(strings.TrimSpace(query), " "); !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT", "WITH"}, first) {
			continue
		}
		args := make([]any, strings.Count(query, "$")) // at least as many as it takes
		for i := range args {
			args[i] = 1
		}
		rows, err := db.readers.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args[:params(query)]...)
		if err != nil {
			if slices.Contains(more, query) {
				continue // a part of a statement, or one for PostgreSQL alone
			}
			t.Fatalf("%s: %v", query, err)
		}
		p := Plan{Query: query}
		for rows.Next() {
			var id, parent, notUsed int
			var detail string
			if err := rows.Scan(&id, &parent, &notUsed, &detail); err != nil {
				t.Fatal(err)
			}
			p.Plan += detail + "\n"
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// params is the highest number of a parameter.
func params(query string) (n int) {
	for i := 1; strings.Contains(query, "$"+strconv.Itoa(i)); i++ {
		n = i
	}
	return n
}

// AtSchema brings cfg's database to an older schema and returns its writers, to be
// filled with what an older program left.
func AtSchema(t *testing.T, cfg Config, version int64) (write *sql.DB, closed func()) {
	t.Helper()
	db := &DB{eng: sqliteEngine}
	if err := db.open(cfg); err != nil {
		t.Fatal(err)
	}
	if err := db.migrateTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return db.writers, func() {
		if err := db.closeAll(); err != nil {
			t.Fatal(err)
		}
	}
}

// TableNames are the tables that are ours, sorted.
func (db *DB) TableNames(ctx context.Context) ([]string, error) {
	tables, err := end{db.readers, db.eng}.tables(ctx)
	return slices.Sorted(maps.Keys(tables)), err
}

// TransferWithin is Transfer with another patience.
func TransferWithin(ctx context.Context, from *DB, to Config, patience time.Duration, progress Progress) error {
	schema, _, err := from.Schema(ctx)
	if err == nil {
		_, err = transferTo(ctx, from, to, schema, patience, progress)
	}
	return err
}
