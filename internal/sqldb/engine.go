package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// engine is all that differs between the two databases.
type engine struct {
	name     string
	postgres bool
	types    *strings.Replacer // words of the migrations
	// quick makes the next transaction's commit skip the wait for the disk;
	// durable makes it wait. Both run outside (SQLite) or inside (PostgreSQL) it.
	quick, durable string
	begin          string
	queryTime      time.Duration // of a query
}

var (
	sqliteEngine = engine{
		name:    "sqlite",
		types:   strings.NewReplacer("BYTES", "BLOB", "CTEXT", "TEXT", ") CLUSTERED", ") WITHOUT ROWID"),
		quick:   "PRAGMA synchronous=NORMAL",
		durable: "PRAGMA synchronous=FULL",
		begin:   "BEGIN IMMEDIATE",

		queryTime: sqliteQueryTime,
	}
	postgresEngine = engine{
		name:     "postgres",
		postgres: true,
		types:    strings.NewReplacer("BYTES", "BYTEA", "CTEXT", `TEXT COLLATE "C"`, ") CLUSTERED", ")"),
		quick:    "BEGIN; SET LOCAL synchronous_commit TO OFF",
		durable:  "BEGIN",

		queryTime: postgresQueryTime,
	}
)

// openSQLite opens DIR/oneclaw.db with a connection for the writer and a pool
// for readers.
func openSQLite(file string) (readers, writers *sql.DB, err error) {
	if writers, err = sqlitePool(file, 1, "busy_timeout("+sqliteWait+")"); err != nil {
		return nil, nil, err
	}
	if readers, err = sqlitePool(file, 8, "busy_timeout("+sqliteWait+")", "query_only(ON)"); err != nil {
		return nil, nil, errors.Join(err, writers.Close())
	}
	return readers, writers, nil
}

// sqliteWait is how many milliseconds a statement waits for a lock that another
// process holds on the file.
const sqliteWait = "2000"

// sqlitePool opens up to n connections to a file. secure_delete overwrites what is
// deleted, in the file.
func sqlitePool(file string, n int, more ...string) (*sql.DB, error) {
	// The file is there: one that was removed meanwhile must not be made anew, without tables.
	q := url.Values{"mode": {"rw"}, "_pragma": append([]string{
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "journal_size_limit(" + walKeptBytes + ")",
		"secure_delete(ON)", "cache_size(-8192)", "temp_store(MEMORY)", "wal_autocheckpoint(0)",
		"trusted_schema(OFF)", "cell_size_check(ON)",
	}, more...)}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: q.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// openWalks opens the one connection of those who walk logs. It is closed when
// nobody has walked for a while.
func openWalks(dsn, file string) (walks *sql.DB, err error) {
	if dsn != "" {
		walks, err = openPostgres(dsn)
	} else {
		walks, err = sqlitePool(file, 1, "busy_timeout("+sqliteWait+")", "query_only(ON)")
	}
	if err != nil {
		return nil, err
	}
	walks.SetMaxOpenConns(1)
	walks.SetMaxIdleConns(1)
	walks.SetConnMaxIdleTime(time.Minute)
	return walks, nil
}

// postgresConfig reads a DSN. It may hold a password: errors of the parser would
// show it, so the cause is dropped.
func postgresConfig(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_database_url", "The PostgreSQL connection string can't be parsed.")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
		for _, f := range cfg.Fallbacks {
			if f.Host != cfg.Host || f.Port != cfg.Port { // the next is tried while a batch still has time
				cfg.ConnectTimeout = time.Second
			}
		}
	}
	return cfg, nil
}

// openPostgres opens one pool.
func openPostgres(dsn string) (*sql.DB, error) {
	cfg, err := postgresConfig(dsn)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	db.SetConnMaxLifetime(30 * time.Minute)
	return db, nil
}

// refused reports whether the PostgreSQL server itself said no, and lives on. A
// server that is going down may have done what it does not confirm.
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Severity == "ERROR"
}

// busy reports whether another process holds SQLite's file.
func busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlitelib.SQLITE_BUSY
}

// damaged reports whether the database says that its own files are broken.
func damaged(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff
		return code == sqlitelib.SQLITE_CORRUPT || code == sqlitelib.SQLITE_NOTADB
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "XX001" || e.Code == "XX002"
	}
	return false
}

// DiskFull reports whether there was no space for what was to be written to a file.
func DiskFull(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR_WRITE, sqlitelib.SQLITE_IOERR_SHMSIZE:
			return true
		}
	}
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// badText reports whether PostgreSQL refused a text that is none (NUL, bad UTF-8).
func badText(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "22021" || e.Code == "22P05")
}

// Wrap turns an error of the driver into a fault. The caller is told nothing
// about it but that the database could not serve; the cause is for the log.
func Wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	switch {
	case damaged(err):
		return fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Damaged, audit.CodeDamaged, "The database is damaged.")
	case badText(err):
		return fault.Wrap(err, fault.Invalid, "invalid_text", "A text holds characters that can't be stored.")
	}
	e := fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Unavailable, "storage_unavailable",
		"The database can't serve this request now. Nothing was changed. Try again.")
	e.RetryAfter = time.Second
	return e
}
