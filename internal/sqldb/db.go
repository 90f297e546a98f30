// Package sqldb is the database engine below the store: SQLite or PostgreSQL, with
// one SQL text for both.
//
// Its promise: a write that returned without error has been fsynced, together
// with its audit event, in one transaction; an event alone is in the log (and
// survives kill -9) when Append returns. A write is committed only while the rights
// that it was decided on stand (call.Basis). Of what the rows mean it knows nothing
// but its own: the heads and events of the logs, the epochs, the ids of revoked
// tokens, and what meta says. All others are those of who opens it (Parts).
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/wallclock"
)

// Config says which database to open.
type Config struct {
	// Dir is the data directory, which Open locks. SQLite is in it (DIR/oneclaw.db)
	// when PostgresDSN is empty; on PostgreSQL it may be left out.
	Dir string
	// PostgresDSN is a libpq connection string or URL.
	PostgresDSN string
	// AuditSync makes the record of a served read wait for the disk too
	// (ONECLAW_AUDIT_SYNC=full).
	AuditSync bool
	// RefuseNew, if not nil, is returned by Open instead of making a new database.
	RefuseNew error
	// Used says that a database was in use with what is there: then Open returns RefuseNew
	// also for one with tables and no event, which a copy that was cut off leaves.
	Used bool
	Log  *slog.Logger
	// Clock is the time by which what is stored ends (ByClock). nil is the machine's.
	Clock func() time.Time
	// Steady is a clock that nobody sets. nil is the machine's, or Clock if that is set.
	Steady func() time.Duration
	// BeforeWrite, if not nil, runs before each write gets into line. Tests put there
	// what happens between a decision and its commit.
	BeforeWrite func(ctx context.Context)
}

// Parts are what the owner of the rows hands to the engine. Each but the migrations
// may be nil.
type Parts struct {
	// Migrations are the files NNNNN_name.sql that make the schema.
	Migrations fs.FS
	// Begin writes what begins with an event (audit.Event.Begins), in its transaction.
	Begin func(tx *commit.Tx, ev *audit.Event) error
	// Committed is told what a transaction made stale (Tx.Stale), in its order: after the
	// commit, and before anybody is told of that.
	Committed func([]commit.Stale)
}

// DB is an open database. Its methods may be called from many goroutines.
type DB struct {
	eng         driver.Engine
	readers     *sql.DB
	writers     *sql.DB
	walks       *sql.DB // one connection, see EachAside
	keeper      *sql.DB // SQLite: the connection that copies the write-ahead log
	lock        *os.File
	log         *slog.Logger
	writer      *commit.Writer
	epoch       epoch
	answers     answers
	running     running
	path        string           // of the file of SQLite
	file        os.FileInfo      // as it was opened; nil on PostgreSQL
	placedUntil time.Duration    // until when it counts as in its place, see inPlaceFor
	now         func() time.Time // the age of caches
	clock       func() time.Time // Config.Clock
	watch       *wallclock.Watch
	before      func(context.Context) // Config.BeforeWrite
	parts       Parts
	stmts       sync.Map // SQL text -> *sql.Stmt on readers
	stop        context.CancelFunc
	done        sync.WaitGroup
	closed      sync.Once
}

// Open opens the database, brings its schema up to date under a lock, and
// starts the writer. One process at a time may open a data directory.
func Open(ctx context.Context, cfg Config, parts Parts) (*DB, error) {
	db := &DB{eng: driver.SQLite, log: cfg.Log, now: time.Now, clock: cfg.Clock, before: cfg.BeforeWrite, parts: parts}
	db.epoch.opened, db.epoch.wake = db.now(), make(chan struct{}, 1)
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if db.clock == nil {
		db.clock = time.Now
	}
	if err := db.open(cfg); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	if err := db.refuseNew(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	if err := db.refreshEpoch(ctx); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	if err := db.watchClock(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	if db.running.limit = sqliteQueryTime; db.eng.Postgres {
		db.running.limit = postgresQueryTime
	}
	run, stop := context.WithCancel(context.Background())
	db.stop = stop
	db.done.Go(func() { db.running.watch(run, db.now) })
	db.writer = db.newWriter(cfg.AuditSync)
	db.done.Go(db.writer.Run)
	if db.eng.Postgres {
		db.done.Go(func() { db.followEpoch(run) })
		db.done.Go(func() { db.listenEpoch(run, cfg.PostgresDSN) })
	} else {
		db.done.Go(func() { newWAL(db, db.keeper, db.writer.Between).run(run) })
	}
	return db, nil
}

func (db *DB) open(cfg Config) (err error) {
	if cfg.Dir != "" || cfg.PostgresDSN == "" {
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return fmt.Errorf("create data directory: %w", err)
		}
		if db.lock, err = lockDir(cfg.Dir); err != nil {
			return err
		}
	}
	if cfg.PostgresDSN != "" {
		db.eng = driver.Postgres
		if db.readers, err = driver.OpenPostgres(cfg.PostgresDSN); err != nil {
			return err
		}
		db.writers = db.readers
		db.walks, err = driver.OpenWalks(cfg.PostgresDSN, "")
		return err
	}
	file := filepath.Join(cfg.Dir, File)
	if cfg.RefuseNew != nil && !HasFile(cfg.Dir) {
		return cfg.RefuseNew
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if err := errors.Join(f.Close(), db.placed(file)); err != nil {
		return err
	}
	if db.readers, db.writers, err = driver.OpenSQLite(file); err != nil {
		return err
	}
	if db.walks, err = driver.OpenWalks("", file); err != nil {
		return err
	}
	db.keeper, err = driver.OpenKeeper(file)
	return err
}

// Close waits for writes under way and those that are queued, and closes. Writes
// that come later get fault.Unavailable.
func (db *DB) Close() (err error) {
	db.closed.Do(func() {
		db.writer.Close()
		db.stop()
		db.done.Wait()
		err = db.closeAll()
	})
	return err
}

func (db *DB) closeAll() error {
	var errs []error
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.writers != nil && db.writers != db.readers {
		errs = append(errs, db.writers.Close())
	}
	if db.walks != nil {
		errs = append(errs, db.walks.Close())
	}
	if db.keeper != nil {
		errs = append(errs, db.keeper.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

// Engine is "sqlite" or "postgres".
func (db *DB) Engine() string { return db.eng.Name }

// Postgres reports which of the two it is.
func (db *DB) Postgres() bool { return db.eng.Postgres }

// Parts are those that it was opened with.
func (db *DB) Parts() Parts { return db.parts }

// Now is the time on the machine's clock.
func (db *DB) Now() time.Time { return db.now() }

// ByClock is the time on Config.Clock.
func (db *DB) ByClock() time.Time { return db.clock() }

// Ping reports whether the database answers, in the time that a query has.
func (db *DB) Ping(ctx context.Context) error {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	return done(driver.Wrap("ping", db.readers.PingContext(ctx)))
}

func (db *DB) newWriter(sync bool) *commit.Writer {
	cfg := commit.Config{
		Engine: db.eng, Pool: db.writers, Sync: sync, Now: db.now, Clock: db.clock, Believes: db.BelievesClock,
		InPlace: db.inPlaceFor, Away: db.Away, Moved: db.moved, Begin: db.parts.Begin, Committed: db.parts.Committed,
	}
	if db.eng.Postgres {
		cfg.Answered = db.answered
	}
	return commit.New(cfg)
}

// Append is Writer.Append of package commit.
func (db *DB) Append(ctx context.Context, ev *audit.Event) error { return db.writer.Append(ctx, ev) }

// Write is Writer.Write of package commit.
func (db *DB) Write(ctx context.Context, orgs []string, work commit.Work) error {
	db.beforeWrite(ctx)
	return db.writer.Write(ctx, orgs, work)
}

// WriteLong is Writer.WriteLong of package commit.
func (db *DB) WriteLong(ctx context.Context, orgs []string, work commit.Work) error {
	db.beforeWrite(ctx)
	return db.writer.WriteLong(ctx, orgs, work)
}

// WriteSoon is Writer.WriteSoon of package commit.
func (db *DB) WriteSoon(ctx context.Context, org string, work commit.Work) error {
	return db.writer.WriteSoon(ctx, org, work)
}

// WriteStanding is Writer.WriteStanding of package commit.
func (db *DB) WriteStanding(ctx context.Context, org string, work commit.Work) error {
	db.beforeWrite(ctx)
	return db.writer.WriteStanding(ctx, org, work)
}

// WriteLater is Writer.WriteLater of package commit.
func (db *DB) WriteLater(ctx context.Context, org string, work commit.Work, then func(error)) {
	db.writer.WriteLater(ctx, org, work, then)
}

// CatchUp is Writer.CatchUp of package commit.
func (db *DB) CatchUp(ctx context.Context, org string) error { return db.writer.CatchUp(ctx, org) }

func (db *DB) beforeWrite(ctx context.Context) {
	if db.before != nil {
		db.before(ctx)
	}
}

// Prepared are the statements that were prepared so far and are kept. Nothing may be
// under way.
func (db *DB) Prepared() []string {
	all := db.writer.Prepared()
	db.stmts.Range(func(query, _ any) bool {
		all = append(all, query.(string))
		return true
	})
	return all
}

// Writer is what writes. Tests look into it.
func (db *DB) Writer() *commit.Writer { return db.writer }

// Exec runs a statement by itself, beside the writer and without its durability: on
// PostgreSQL alone, where it is possible.
func (db *DB) Exec(ctx context.Context, query string, args ...any) error {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	_, err = db.writers.ExecContext(ctx, query, args...)
	return done(driver.Wrap("write", err))
}

// Grown receives when the logs have grown by about a thousand events since it
// last did.
func (db *DB) Grown() <-chan struct{} { return db.writer.Grown() }

// stmt returns a prepared statement of the readers' pool.
func (db *DB) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := db.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := db.readers.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if other, loaded := db.stmts.LoadOrStore(query, s); loaded {
		_ = s.Close()
		return other.(*sql.Stmt), nil
	}
	return s, nil
}

// Row reads one row into dest. found is false when there is none.
func (db *DB) Row(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = done(err) }()
	s, err := db.stmt(ctx, query)
	if err != nil {
		return false, driver.Wrap("prepare", err)
	}
	if found, err = scanOne(s.QueryRowContext(ctx, args...), dest); err == nil {
		db.answered()
	}
	return found, err
}

func scanOne(r *sql.Row, dest []any) (bool, error) {
	err := r.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, driver.Wrap("read", err)
}

// Each runs scan for every row of the query.
func (db *DB) Each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) (err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	defer func() { err = done(err) }()
	s, err := db.stmt(ctx, query)
	if err != nil {
		return driver.Wrap("prepare", err)
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return driver.Wrap("read", err)
	}
	defer func() { err = driver.Wrap("read", errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
