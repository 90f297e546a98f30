// Package store keeps the rows of the domain, through internal/sqldb: SQLite or
// PostgreSQL with one SQL text.
//
// Its promise: a write that returned without error has been fsynced, together
// with its audit event, in one transaction; an event alone is in the log (and
// survives kill -9) when Append returns. It decides nothing about who may do
// what, nor how often, how many or for how long: the transaction of a write reads the
// rows and asks the domain, and a statement that compares by itself has its numbers from
// there (ADR 0069). By itself it refuses what is not there, what is taken, and what has
// changed since it was read.
package store

import (
	"context"
	"embed"
	"io/fs"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/epoch"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// Config says which database to open.
type Config = sqldb.Config

// DB is an open database. Its methods may be called from many goroutines.
type DB struct {
	*sqldb.DB
	latest     *latestCache // nil on PostgreSQL
	lists      *listCache   // nil on PostgreSQL
	accounts   *epoch.Cache[string, billing.Account]
	logQueries chan struct{} // places for queries of the log, see logQuery
}

//go:embed migrations/*.sql
var migrations embed.FS

// parts are what the engine is told of the rows.
func (db *DB) parts() (sqldb.Parts, error) {
	steps, err := fs.Sub(migrations, "migrations")
	p := sqldb.Parts{Migrations: steps, Begin: openSession}
	if db.latest != nil {
		p.Committed = db.forget
	}
	return p, err
}

// Open opens the database, brings its schema up to date under a lock, and
// starts the writer. One process at a time may open a data directory.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{}
	if cfg.PostgresDSN == "" {
		db.latest, db.lists = newLatestCache(), newListCache()
	}
	return db.opened(func(parts sqldb.Parts) (*sqldb.DB, error) { return sqldb.Open(ctx, cfg, parts) })
}

// Look opens a database to read it as it is, also beside a server that runs on
// it: nothing is brought up to date, and writes are refused. A SQLite database
// must be there.
func Look(cfg Config) (*DB, error) {
	return new(DB).opened(func(parts sqldb.Parts) (*sqldb.DB, error) { return sqldb.Look(cfg, parts) })
}

// LookAtCopy opens a SQLite file that nobody writes to, and makes no files beside
// it: the folder may be on a medium that can't be written.
func LookAtCopy(dir string) (*DB, error) {
	return new(DB).opened(func(parts sqldb.Parts) (*sqldb.DB, error) { return sqldb.LookAtCopy(dir, parts) })
}

// opened is db with an engine below it.
func (db *DB) opened(open func(sqldb.Parts) (*sqldb.DB, error)) (*DB, error) {
	db.logQueries = make(chan struct{}, maxLogQueries)
	db.accounts = epoch.New[string, billing.Account](maxCapEntries)
	parts, err := db.parts()
	if err == nil {
		db.DB, err = open(parts)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Tx is a transaction of the engine, and what the store does in one.
type Tx struct{ *commit.Tx }

// work is what the engine runs.
type work func(tx Tx) error

// Do implements commit.Work.
func (w work) Do(tx *commit.Tx) error { return w(Tx{tx}) }

// Write runs fn in a transaction of its own on behalf of org. What fn wrote,
// and the events it appended, are on disk when Write returns nil. fn may run
// more than once and must have no other effect than through tx. When fn returns
// an error nothing of it stays. When ctx carries a call.Basis on which the write
// does not stand any more, fn does not run and the error is call.ErrMoved.
func (db *DB) Write(ctx context.Context, org string, fn func(tx Tx) error) error {
	return db.writeIn(ctx, []string{org}, fn)
}

// writeLong is Write for what may delete very many rows.
func (db *DB) writeLong(ctx context.Context, orgs []string, fn func(tx Tx) error) error {
	return db.DB.WriteLong(ctx, orgs, work(fn))
}

// writeIn is Write for a change that concerns several organisations.
func (db *DB) writeIn(ctx context.Context, orgs []string, fn func(tx Tx) error) error {
	return db.DB.Write(ctx, orgs, work(fn))
}
