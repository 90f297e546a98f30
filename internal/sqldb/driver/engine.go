// Package driver is what differs between SQLite and PostgreSQL: how a database is
// opened, what may be sent over a connection beside what database/sql knows, and what an
// error means. Nothing else here knows their drivers.
package driver

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Engine is what a database is called, and the words that it has of its own.
type Engine struct {
	Name     string
	Postgres bool
	Types    *strings.Replacer // words of the migrations
	// Quick makes the next transaction's commit skip the wait for the disk; Durable makes
	// it wait. On PostgreSQL they open it, too; on SQLite Begin does after them.
	Quick, Durable []string
	Begin          string
}

// The engines.
var (
	SQLite = Engine{
		Name:    "sqlite",
		Types:   strings.NewReplacer("BYTES", "BLOB", "CTEXT", "TEXT", ") CLUSTERED", ") WITHOUT ROWID"),
		Quick:   []string{"PRAGMA synchronous=NORMAL"},
		Durable: []string{"PRAGMA synchronous=FULL"},
		Begin:   "BEGIN IMMEDIATE",
	}
	Postgres = Engine{
		Name:     "postgres",
		Postgres: true,
		Types:    strings.NewReplacer("BYTES", "BYTEA", "CTEXT", `TEXT COLLATE "C"`, ") CLUSTERED", ")"),
		Quick:    []string{"BEGIN", "SET LOCAL synchronous_commit TO OFF"},
		Durable:  []string{"BEGIN"},
	}
)

// OpenSQLite opens DIR/oneclaw.db with a connection for the writer and a pool
// for readers.
func OpenSQLite(file string) (readers, writers *sql.DB, err error) {
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

// keeperWait is how many milliseconds the keeper waits for readers to leave the
// write-ahead log at most, so that it can begin again: as long, the writer waits.
// Readers are quick; one that is not keeps its snapshot for long, and nobody waits for it.
const keeperWait = "5"

// logKeptBytes is what the file of the write-ahead log keeps of its size when it begins
// again: a long backup leaves a long one. SQLite truncates the rest.
const logKeptBytes = "67108864"

// sqlitePool opens up to n connections to a file. secure_delete overwrites what is
// deleted, in the file.
func sqlitePool(file string, n int, more ...string) (*sql.DB, error) {
	// The file is there: one that was removed meanwhile must not be made anew, without tables.
	q := url.Values{"mode": {"rw"}, "_pragma": append([]string{
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "journal_size_limit(" + logKeptBytes + ")",
		"secure_delete(ON)", "cache_size(-8192)", "temp_store(MEMORY)", "wal_autocheckpoint(0)",
		"trusted_schema(OFF)", "cell_size_check(ON)",
	}, more...)}
	db, err := sql.Open("sqlite", sqliteDSN(file, q))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

func sqliteDSN(file string, query url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// OpenKeeper opens the one connection that copies the write-ahead log into the file.
func OpenKeeper(file string) (*sql.DB, error) {
	return sqlitePool(file, 1, "busy_timeout("+keeperWait+")", "query_only(ON)")
}

// OpenCopy opens a file that nobody writes to.
func OpenCopy(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteDSN(file, url.Values{
		"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(ON)", "cache_size(-8192)", "trusted_schema(OFF)", "cell_size_check(ON)"},
	}))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return db, nil
}

// OpenScratch opens the one connection to a file that is thrown away when anything fails: without
// a journal each page is written once, and nobody waits for the disk. The caller flushes it.
func OpenScratch(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteDSN(file, url.Values{
		"mode": {"rw"}, "_pragma": {"journal_mode(DELETE)", "journal_mode(OFF)", "synchronous(OFF)", "locking_mode(EXCLUSIVE)", "secure_delete(ON)", "cache_size(-8192)", "trusted_schema(OFF)"},
	}))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// OpenWalks opens the one connection of those who walk logs. It is closed when
// nobody has walked for a while.
func OpenWalks(dsn, file string) (walks *sql.DB, err error) {
	if dsn != "" {
		walks, err = OpenPostgres(dsn)
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

// OpenPostgres opens one pool.
func OpenPostgres(dsn string) (*sql.DB, error) {
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
