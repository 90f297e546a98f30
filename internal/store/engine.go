package store

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
}

var (
	sqliteEngine = engine{
		name:    "sqlite",
		types:   strings.NewReplacer("BYTES", "BLOB", "CTEXT", "TEXT", ") CLUSTERED", ") WITHOUT ROWID"),
		quick:   "PRAGMA synchronous=NORMAL",
		durable: "PRAGMA synchronous=FULL",
		begin:   "BEGIN IMMEDIATE",
	}
	postgresEngine = engine{
		name:     "postgres",
		postgres: true,
		types:    strings.NewReplacer("BYTES", "BYTEA", "CTEXT", `TEXT COLLATE "C"`, ") CLUSTERED", ")"),
		quick:    "BEGIN; SET LOCAL synchronous_commit TO OFF",
		durable:  "BEGIN",
	}
)

// openSQLite opens DIR/oneclaw.db with a connection for the writer and a pool
// for readers.
func openSQLite(file string) (readers, writers *sql.DB, err error) {
	if writers, err = sql.Open("sqlite", sqliteDSN(file)); err != nil {
		return nil, nil, fmt.Errorf("open sqlite: %w", err)
	}
	writers.SetMaxOpenConns(1)
	if readers, err = sql.Open("sqlite", sqliteDSN(file, "query_only(ON)")); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open sqlite: %w", err), writers.Close())
	}
	readers.SetMaxOpenConns(8)
	readers.SetMaxIdleConns(8)
	return readers, writers, nil
}

// sqliteDSN names a file with the settings of every connection to it.
// secure_delete overwrites what is deleted, in the file.
func sqliteDSN(file string, more ...string) string {
	base := url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(ON)",
		"secure_delete(ON)", "cache_size(-8192)", "temp_store(MEMORY)", "wal_autocheckpoint(0)",
		"trusted_schema(OFF)", "cell_size_check(ON)",
	}}
	base["_pragma"] = append(base["_pragma"], more...)
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: base.Encode()}).String()
}

// openWalks opens the one connection of those who walk logs. It is closed when
// nobody has walked for a while.
func openWalks(dsn, file string) (walks *sql.DB, err error) {
	if dsn != "" {
		walks, err = openPostgres(dsn)
	} else {
		walks, err = sql.Open("sqlite", sqliteDSN(file, "query_only(ON)"))
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

// badText reports whether PostgreSQL refused a text that is none (NUL, bad UTF-8).
func badText(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "22021" || e.Code == "22P05")
}

// wrap turns an error of the driver into a fault. The caller is told nothing
// about it but that the database could not serve; the cause is for the log.
func wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	switch {
	case damaged(err):
		return fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Internal, audit.CodeDamaged, "The database is damaged.")
	case badText(err):
		return fault.Wrap(err, fault.Invalid, "invalid_text", "A text holds characters that can't be stored.")
	}
	return fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Unavailable, "storage_unavailable",
		"The database can't serve this request now. Nothing was changed. Try again.")
}
