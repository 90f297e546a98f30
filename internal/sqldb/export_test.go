package sqldb

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
	"github.com/pressly/goose/v3"
)

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
