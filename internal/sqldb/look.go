package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// Look opens a database to read it as it is, also beside a server that runs on
// it: nothing is brought up to date, and writes are refused. A SQLite database
// must be there.
func Look(cfg Config, parts Parts) (*DB, error) {
	db := looking(cfg, parts)
	var err error
	if cfg.PostgresDSN != "" {
		db.eng = driver.Postgres
		if db.readers, err = driver.OpenPostgres(cfg.PostgresDSN); err != nil {
			return nil, err
		}
		db.writers = db.readers
		db.walks, err = driver.OpenWalks(cfg.PostgresDSN, "")
		return db, err
	}
	file := filepath.Join(cfg.Dir, File)
	if info, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "no_database", "There is no database in "+cfg.Dir+".")
	} else if err != nil {
		return nil, driver.Wrap("look at the database", err)
	} else if info.Size() == 0 {
		return nil, fault.New(fault.NotFound, "no_database", "The file "+File+" in "+cfg.Dir+" is empty: the database is gone. Restore it from its backup.")
	}
	if db.readers, db.writers, err = driver.OpenSQLite(file); err != nil {
		return nil, err
	}
	db.walks, err = driver.OpenWalks("", file)
	return db, err
}

// LookAtCopy opens a SQLite file that nobody writes to, and makes no files beside
// it: the folder may be on a medium that can't be written.
func LookAtCopy(dir string, parts Parts) (*DB, error) {
	file := filepath.Join(dir, File)
	if _, err := os.Stat(file); err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_database", "There is no database in "+dir+".")
	}
	db := looking(Config{}, parts)
	var err error
	if db.readers, err = driver.OpenCopy(file); err != nil {
		return nil, err
	}
	db.writers, db.walks = db.readers, db.readers
	return db, nil
}

// OpenScratch opens a SQLite database that is thrown away when anything fails, with one
// connection: see driver.OpenScratch.
func OpenScratch(dir string, parts Parts) (*DB, error) {
	db := looking(Config{}, parts)
	var err error
	if db.writers, err = driver.OpenScratch(filepath.Join(dir, File)); err != nil {
		return nil, err
	}
	db.readers, db.walks = db.writers, db.writers
	return db, nil
}

// looking is a database that is not open yet and whose writer never runs.
func looking(cfg Config, parts Parts) *DB {
	db := &DB{eng: driver.SQLite, log: cfg.Log, now: time.Now, parts: parts, stop: func() {}}
	db.epoch.opened = db.now()
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.writer = commit.Stopped()
	return db
}

// OpenBare opens a database as it is, or makes an empty one: no step of the schema is
// run, and no writer is started (see Begin).
func OpenBare(cfg Config, parts Parts) (*DB, error) {
	db := looking(cfg, parts)
	if err := db.open(cfg); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	return db, nil
}

// File is the name of a SQLite database in its folder.
const File = "oneclaw.db"

// HasFile reports whether there is a SQLite database in a folder. An empty file is
// none: SQLite would begin a new one in it.
func HasFile(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, File))
	return err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// refuseNew returns what the configuration says of a database without our tables, or with
// nothing in them.
func (db *DB) refuseNew(ctx context.Context, cfg Config) error {
	if cfg.RefuseNew == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	made, err := db.HasTables(ctx)
	if err == nil && made && cfg.Used {
		err = driver.Wrap("look for events", db.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_heads)`).Scan(&made))
	}
	if err != nil || made {
		return err
	}
	return cfg.RefuseNew
}

// HasTables reports whether the schema was made in the database.
func (db *DB) HasTables(ctx context.Context) (made bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'audit_heads')`
	if db.eng.Postgres {
		query = `SELECT to_regclass('audit_heads') IS NOT NULL`
	}
	err = db.readers.QueryRowContext(ctx, query).Scan(&made)
	return made, driver.Wrap("look for tables", err)
}

// Hold keeps every other process from opening the SQLite folder until db is
// closed. It fails with data_in_use when one has.
func (db *DB) Hold(dir string) (err error) {
	db.lock, err = lockDir(dir)
	return err
}

// Schema is the version of the database's schema, and the one of this program.
func (db *DB) Schema(ctx context.Context) (have, want int64, err error) {
	steps, err := db.steps()
	if err != nil {
		return 0, 0, err
	}
	want = steps[len(steps)-1].Version
	if made, err := db.HasTables(ctx); err != nil {
		return 0, want, err
	} else if !made {
		return 0, want, fault.New(fault.NotFound, "no_database", "There are no tables of oneclaw in the database.")
	}
	err = db.readers.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	return have, want, driver.Wrap("read the schema's version", err)
}

// UnnotedSteps are the steps of the schema below have that the database does not say were
// run: a start refuses it.
func (db *DB) UnnotedSteps(ctx context.Context, have int64) (missing []int64, err error) {
	steps, err := db.steps()
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		var noted bool
		err := db.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM goose_db_version WHERE version_id = $1 AND is_applied)`, s.Version).Scan(&noted)
		if err != nil {
			return nil, driver.Wrap("read the schema's version", err)
		}
		if !noted && s.Version < have {
			missing = append(missing, s.Version)
		}
	}
	return missing, nil
}

// Texts are the texts of a query of one column.
func (db *DB) Texts(ctx context.Context, query string, args ...any) (_ []string, err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = done(err) }()
	s, err := db.stmt(ctx, query)
	if err != nil {
		return nil, driver.Wrap("prepare", err)
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, driver.Wrap("read", err)
	}
	return readTexts(rows)
}

func readTexts(rows *sql.Rows) (out []string, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, driver.Wrap("read", err)
		}
		out = append(out, s)
	}
	return out, driver.Wrap("read", rows.Err())
}

// Clock is how far the database's clock is ahead of this machine's; zero on SQLite.
func (db *DB) Clock(ctx context.Context) (time.Duration, error) {
	if !db.eng.Postgres {
		return 0, nil
	}
	var us int64
	asked := db.now()
	if _, err := db.Row(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT`, nil, &us); err != nil {
		return 0, err
	}
	return time.UnixMicro(us).UTC().Sub(asked.Add(db.now().Sub(asked) / 2)), nil
}
