package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// migrate brings the schema up to date. Each file runs in a transaction; on
// PostgreSQL a session lock lets one node at a time do it, on SQLite the data
// directory's lock does.
func (db *DB) migrate(ctx context.Context) error { return db.MigrateTo(ctx, 0) }

// MigrateTo brings the schema up to a version; 0 is the newest.
func (db *DB) MigrateTo(ctx context.Context, version int64) error {
	p, err := db.migrator()
	if err != nil {
		return err
	}
	look, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	current, err := db.checkSchema(look, p)
	if err != nil {
		return err
	}
	longest := migrateTime
	if current {
		longest = startTime
	}
	up, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if version == 0 {
		_, err = p.Up(up)
	} else {
		_, err = p.UpTo(up, version)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// A start on a database that hangs fails within startTime. Only one that changes
// the schema, or waits for another node that does, may take longer.
const (
	startTime   = 10 * time.Second
	migrateTime = time.Hour
)

// checkSchema refuses a database that a later version made, and that says it is
// not for programs which don't know its schema. current says that no step is due.
func (db *DB) checkSchema(ctx context.Context, p *goose.Provider) (current bool, err error) {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return false, driver.Wrap("read the schema's version", err)
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	return have >= known, db.mayUse(ctx, have, known)
}

// mayUse asks a database of schema have whether a program that knows of schemas up
// to known may use it.
func (db *DB) mayUse(ctx context.Context, have, known int64) error {
	if have <= known {
		return nil
	}
	var oldest int64
	err := db.readers.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'oldest_schema'`).Scan(&oldest)
	if err != nil {
		return driver.Wrap("read the schema's version", err)
	}
	if oldest > known {
		return fault.New(fault.Conflict, "schema_too_new",
			"This database was upgraded by a later version of oneclaw, which older ones may not use. Start that version, or restore the backup made before.")
	}
	return nil
}

func (db *DB) migrator() (*goose.Provider, error) {
	steps, err := db.steps()
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	opts := []goose.ProviderOption{
		goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true),
	}
	if db.eng.Postgres {
		dialect = goose.DialectPostgres
		l, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 30))
		if err != nil {
			return nil, fmt.Errorf("migration lock: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(l))
	}
	p, err := goose.NewProvider(dialect, db.writers, nil, opts...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// steps reads the files, NNNNN_name.sql, and puts in the words that
// differ between the engines.
func (db *DB) steps() ([]*goose.Migration, error) {
	files, err := fs.Glob(db.parts.Migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	var out []*goose.Migration
	for _, name := range files {
		text, err := fs.ReadFile(db.parts.Migrations, name)
		if err != nil {
			return nil, err
		}
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		query := db.eng.Types.Replace(string(text))
		up := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query)
			return err
		}}
		out = append(out, goose.NewGoMigration(version, up, nil))
	}
	return out, nil
}
