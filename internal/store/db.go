// Package store keeps everything in SQLite or PostgreSQL with one SQL text.
//
// Its promise: a write that returned without error has been fsynced, together
// with its audit event, in one transaction; an event alone is in the log (and
// survives kill -9) when Append returns. It decides nothing about who may do
// what.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
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
	Log       *slog.Logger
	// Clock says whether an organisation's tier has ended: it is the clock of those
	// who count requests. nil is the machine's.
	Clock func() time.Time
	// Steady is a clock that nobody sets. nil is the machine's, or Clock if that is set.
	Steady func() time.Duration
	// BeforeWrite, if not nil, runs before each write gets into line. Tests put there
	// what happens between a decision and its commit.
	BeforeWrite func(ctx context.Context)
}

// DB is an open database. Its methods may be called from many goroutines.
type DB struct {
	eng        engine
	readers    *sql.DB
	writers    *sql.DB
	walks      *sql.DB // one connection, see onWalks
	keeper     *sql.DB // SQLite: the connection that copies the write-ahead log
	lock       *os.File
	log        *slog.Logger
	writer     *writer
	epoch      epoch
	answers    answers
	running    running
	path       string           // of the file of SQLite
	file       os.FileInfo      // as it was opened; nil on PostgreSQL
	now        func() time.Time // the age of caches
	clock      func() time.Time // Config.Clock
	watch      *watch
	before     func(context.Context) // Config.BeforeWrite
	latest     *latestCache          // nil on PostgreSQL
	lists      *listCache            // nil on PostgreSQL
	capped     capCache
	logQueries chan struct{} // places for queries of the log, see logQuery
	stmts      sync.Map      // SQL text -> *sql.Stmt on readers
	stop       context.CancelFunc
	done       sync.WaitGroup
	closed     sync.Once
}

// Open opens the database, brings its schema up to date under a lock, and
// starts the writer. One process at a time may open a data directory.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{eng: sqliteEngine, log: cfg.Log, now: time.Now, clock: cfg.Clock, before: cfg.BeforeWrite, logQueries: make(chan struct{}, maxLogQueries)}
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
	db.running.limit = db.eng.queryTime
	run, stop := context.WithCancel(context.Background())
	db.stop = stop
	db.done.Go(func() { db.running.watch(run, db.now) })
	db.writer = newWriter(db, cfg.AuditSync)
	db.done.Go(db.writer.run)
	if db.eng.postgres {
		db.done.Go(func() { db.followEpoch(run) })
		db.done.Go(func() { db.listenEpoch(run, cfg.PostgresDSN) })
	} else {
		db.done.Go(func() { newWAL(db, db.keeper).run(run) })
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
		db.eng = postgresEngine
		if db.readers, err = openPostgres(cfg.PostgresDSN); err != nil {
			return err
		}
		db.writers = db.readers
		db.walks, err = openWalks(cfg.PostgresDSN, "")
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
	db.latest, db.lists = newLatestCache(), newListCache()
	if db.readers, db.writers, err = openSQLite(file); err != nil {
		return err
	}
	if db.walks, err = openWalks("", file); err != nil {
		return err
	}
	db.keeper, err = sqlitePool(file, 1, "busy_timeout("+walRestartWait+")", "query_only(ON)")
	return err
}

// Close waits for writes under way and those that are queued, and closes. Writes
// that come later get fault.Unavailable.
func (db *DB) Close() (err error) {
	db.closed.Do(func() {
		db.writer.close()
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
func (db *DB) Engine() string { return db.eng.name }

// Ping reports whether the database answers, in the time that a query has.
func (db *DB) Ping(ctx context.Context) error {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	return done(wrap("ping", db.readers.PingContext(ctx)))
}

// Append puts ev into its organisation's log and returns when it is there. It
// returns fault.Unavailable when it could not be, and then ev is not in the log,
// unless the code is outcome_unknown: PostgreSQL went away while it committed.
func (db *DB) Append(ctx context.Context, ev *audit.Event) error {
	return db.writer.do(ctx, &op{org: ev.Org, orgs: []string{ev.Org}, event: ev})
}

// Write runs fn in a transaction of its own on behalf of org. What fn wrote,
// and the events it appended, are on disk when Write returns nil. fn may run
// more than once and must have no other effect than through tx. When fn returns
// an error nothing of it stays. When ctx carries an call.Basis on which the write
// does not stand any more, fn does not run and the error is call.ErrMoved.
func (db *DB) Write(ctx context.Context, org string, fn func(tx *Tx) error) error {
	return db.writeIn(ctx, []string{org}, fn)
}

// writeLong is Write for what may delete very many rows.
func (db *DB) writeLong(ctx context.Context, orgs []string, fn func(tx *Tx) error) error {
	return db.write(ctx, orgs, true, fn)
}

// writeIn is Write for a change that concerns several organisations.
func (db *DB) writeIn(ctx context.Context, orgs []string, fn func(tx *Tx) error) error {
	return db.write(ctx, orgs, false, fn)
}

func (db *DB) write(ctx context.Context, orgs []string, long bool, fn func(tx *Tx) error) error {
	o := &op{org: orgs[0], orgs: orgs, basis: call.BasisOf(ctx), fn: fn, durable: true, long: long}
	if o.basis != nil && !slices.Contains(orgs, o.basis.Org) {
		o.orgs = append(slices.Clone(orgs), o.basis.Org)
	}
	if db.before != nil {
		db.before(ctx)
	}
	return db.writer.do(ctx, o)
}

// invalidate drops what a committed transaction made stale.
func (db *DB) invalidate(tx *Tx) {
	if db.latest == nil {
		return
	}
	for _, k := range tx.stale {
		if k.key.path == "" {
			db.latest.forgetVault(k.key.vault)
		} else {
			db.latest.forget(k.key, k.next)
		}
		db.lists.forget(k.key.vault)
	}
	if tx.staleAll {
		db.latest.forgetAll()
		db.lists.forgetAll()
	}
}

// Grown receives when the logs have grown by about a thousand events since it
// last did.
func (db *DB) Grown() <-chan struct{} { return db.writer.grown }

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

// row reads one row into dest. found is false when there is none.
func (db *DB) row(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = done(err) }()
	s, err := db.stmt(ctx, query)
	if err != nil {
		return false, wrap("prepare", err)
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
	return err == nil, wrap("read", err)
}

// each runs scan for every row of the query.
func (db *DB) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) (err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	defer func() { err = done(err) }()
	s, err := db.stmt(ctx, query)
	if err != nil {
		return wrap("prepare", err)
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return wrap("read", err)
	}
	defer func() { err = wrap("read", errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// errClosed is returned by writes that come after Close began.
var errClosed = fault.New(fault.Unavailable, "shutting_down", "The server is stopping. Try again in a moment.")

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// nullMicros is NULL for the zero time.
func nullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func fromNull(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return fromMicros(n.Int64)
}
