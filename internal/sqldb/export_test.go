package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
	"github.com/pressly/goose/v3"
)

// SyncMode is SQLite's synchronous setting on the writer's connection, asked
// within a transaction: 1 is NORMAL, 2 is FULL.
func (tx *Tx) SyncMode(t *testing.T) (mode int) {
	if err := tx.w.conn.QueryRowContext(tx.ctx, "PRAGMA synchronous").Scan(&mode); err != nil {
		t.Error(err)
	}
	return mode
}

// Queued is how many ops wait for the writer.
func (db *DB) Queued() int { return len(db.writer.queue) }

// Migrator returns the migrations of cfg's database without running them.
func Migrator(t *testing.T, cfg Config, parts Parts) (*goose.Provider, *sql.DB) {
	t.Helper()
	db, err := OpenBare(cfg, parts)
	if err != nil {
		t.Fatal(err)
	}
	p, err := db.migrator()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
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
	db := &DB{eng: driver.Postgres, log: slog.New(slog.DiscardHandler)}
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
