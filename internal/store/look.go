package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Look opens a database to read it as it is, also beside a server that runs on
// it: nothing is brought up to date, and writes are refused. A SQLite database
// must be there.
func Look(cfg Config) (*DB, error) {
	db := looking(cfg)
	var err error
	if cfg.PostgresDSN != "" {
		db.eng = postgresEngine
		if db.readers, err = openPostgres(cfg.PostgresDSN); err != nil {
			return nil, err
		}
		db.writers = db.readers
		db.walks, err = openWalks(cfg.PostgresDSN, "")
		return db, err
	}
	file := filepath.Join(cfg.Dir, File)
	if info, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "no_database", "There is no database in "+cfg.Dir+".")
	} else if err != nil {
		return nil, wrap("look at the database", err)
	} else if info.Size() == 0 {
		return nil, fault.New(fault.NotFound, "no_database", "The file "+File+" in "+cfg.Dir+" is empty: the database is gone. Restore it from its backup.")
	}
	if db.readers, db.writers, err = openSQLite(file); err != nil {
		return nil, err
	}
	db.walks, err = openWalks("", file)
	return db, err
}

// LookAtCopy opens a SQLite file that nobody writes to, and makes no files beside
// it: the folder may be on a medium that can't be written.
func LookAtCopy(dir string) (*DB, error) {
	file := filepath.Join(dir, File)
	if _, err := os.Stat(file); err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_database", "There is no database in "+dir+".")
	}
	db := looking(Config{})
	query := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(ON)", "cache_size(-8192)", "trusted_schema(OFF)", "cell_size_check(ON)"}}
	var err error
	db.readers, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.writers, db.walks = db.readers, db.readers
	return db, nil
}

// looking is a database that is not open yet and whose writer never runs.
func looking(cfg Config) *DB {
	db := &DB{eng: sqliteEngine, log: cfg.Log, now: time.Now, logQueries: make(chan struct{}, maxLogQueries), stop: func() {}}
	db.epoch.opened = db.now()
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.writer = newWriter(db, false)
	close(db.writer.stopped)
	return db
}

// File is the name of a SQLite database in its folder.
const File = "oneclaw.db"

// HasFile reports whether there is a SQLite database in a folder. An empty file is
// none: SQLite would begin a new one in it.
func HasFile(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, File))
	return err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// refuseNew returns what the configuration says of a database without our tables.
func (db *DB) refuseNew(ctx context.Context, cfg Config) error {
	if cfg.RefuseNew == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if made, err := db.hasTables(ctx); err != nil || made {
		return err
	}
	return cfg.RefuseNew
}

// hasTables reports whether the schema was made in the database.
func (db *DB) hasTables(ctx context.Context) (made bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'audit_heads')`
	if db.eng.postgres {
		query = `SELECT to_regclass('audit_heads') IS NOT NULL`
	}
	err = db.readers.QueryRowContext(ctx, query).Scan(&made)
	return made, wrap("look for tables", err)
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
	if made, err := db.hasTables(ctx); err != nil {
		return 0, want, err
	} else if !made {
		return 0, want, fault.New(fault.NotFound, "no_database", "There are no tables of oneclaw in the database.")
	}
	err = db.readers.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	return have, want, wrap("read the schema's version", err)
}

// Chains are the organisations that have a log.
func (db *DB) Chains(ctx context.Context) ([]string, error) {
	return db.texts(ctx, `SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_checkpoints ORDER BY org_id`)
}

// AllVaults are the ids of the vaults of all organisations.
func (db *DB) AllVaults(ctx context.Context) ([]string, error) {
	return db.texts(ctx, `SELECT id FROM vaults ORDER BY id`)
}

// VaultKey is a generation of a vault's key.
type VaultKey struct {
	Vault string
	Gen   int64
}

// VaultKeys are the keys that vaults and their versions are sealed under. What is left of
// a deleted vault, and not yet cleared away, needs none.
func (db *DB) VaultKeys(ctx context.Context) (all []VaultKey, err error) {
	err = db.each(ctx, `SELECT id, kek_gen FROM vaults UNION
		SELECT s.vault_id, s.kek_gen FROM secret_versions s JOIN vaults v ON v.id = s.vault_id`, nil, func(rows *sql.Rows) error {
		var k VaultKey
		err := rows.Scan(&k.Vault, &k.Gen)
		all = append(all, k)
		return err
	})
	return all, err
}

// UsesVaultKey reports whether a vault, or a version of one, is sealed under a key.
func (db *DB) UsesVaultKey(ctx context.Context, k VaultKey) (bool, error) {
	var one int
	return db.row(ctx, `SELECT 1 FROM vaults WHERE id = $1 AND (kek_gen = $2
		OR EXISTS (SELECT 1 FROM secret_versions WHERE vault_id = $1 AND kek_gen = $2))`, []any{k.Vault, k.Gen}, &one)
}

// KeysInUse are the ids of keys of vaults and jobs that rows refer to. Of a vault it is
// the first: those of later generations begin with it.
func (db *DB) KeysInUse(ctx context.Context) ([]string, error) {
	return db.texts(ctx, `SELECT 'vault:' || id FROM vaults UNION SELECT 'job:' || id FROM vault_jobs UNION SELECT id FROM doomed_keys`)
}

func (db *DB) texts(ctx context.Context, query string, args ...any) (_ []string, err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = done(err) }()
	rows, err := db.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap("read", err)
	}
	return readTexts(rows)
}

func readTexts(rows *sql.Rows) (out []string, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, wrap("read", err)
		}
		out = append(out, s)
	}
	return out, wrap("read", rows.Err())
}

// SealedRows are counts of rows that are sealed under keys of the server's own.
type SealedRows struct{ Factors, Mails, Links, Webhooks int64 }

// SealedRows counts them.
func (db *DB) SealedRows(ctx context.Context) (n SealedRows, err error) {
	_, err = db.row(ctx, `SELECT (SELECT COUNT(*) FROM user_totp), (SELECT COUNT(*) FROM mail_queue),
		(SELECT COUNT(*) FROM shares WHERE LENGTH(link_sealed) > 0), (SELECT COUNT(*) FROM approval_webhooks)`, nil, &n.Factors, &n.Mails, &n.Links, &n.Webhooks)
	return n, err
}

// AnyVersion names the newest version of some path of a vault; found is false
// when the vault is empty.
func (db *DB) AnyVersion(ctx context.Context, vault string) (path string, version uint64, found bool, err error) {
	found, err = db.row(ctx, `SELECT path, version FROM secret_versions WHERE vault_id = $1 ORDER BY path, version DESC LIMIT 1`,
		[]any{vault}, &path, &version)
	return path, version, found, err
}

// Clock is how far the database's clock is ahead of this machine's; zero on SQLite.
func (db *DB) Clock(ctx context.Context) (time.Duration, error) {
	if !db.eng.postgres {
		return 0, nil
	}
	var us int64
	asked := db.now()
	if _, err := db.row(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT`, nil, &us); err != nil {
		return 0, err
	}
	return fromMicros(us).Sub(asked.Add(db.now().Sub(asked) / 2)), nil
}

// InUse reports whether a server ever served from a PostgreSQL database.
func (db *DB) InUse(ctx context.Context) (used bool, err error) {
	if made, err := db.hasTables(ctx); err != nil || !made {
		return false, err
	}
	err = db.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_heads) OR EXISTS (SELECT 1 FROM users)`).Scan(&used)
	return used, wrap("look for rows", err)
}
