package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Backup writes a copy of the database as it is at one moment into dir, which
// must be an empty folder, as a SQLite file whatever the engine. Servers go on
// meanwhile. When it returns nil the copy is on disk and its pages fit together.
func (db *DB) Backup(ctx context.Context, dir string) error {
	file := filepath.Join(dir, File)
	if db.eng.postgres {
		if _, err := Transfer(ctx, db, Config{Dir: dir}); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(dir, lockFile)); err != nil {
			return err
		}
	} else if _, err := db.writers.ExecContext(ctx, `VACUUM INTO $1`, file); err != nil {
		return wrap("copy the database", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		return err
	}
	if err := checkFile(ctx, dir); err != nil {
		return err
	}
	return errors.Join(SyncFile(file), SyncFile(dir))
}

// checkFile asks SQLite whether a copy's pages fit together.
func checkFile(ctx context.Context, dir string) error {
	db, err := Look(Config{Dir: dir})
	if err != nil {
		return err
	}
	var answer string
	_, err = scanOne(db.readers.QueryRowContext(ctx, `PRAGMA quick_check`), []any{&answer})
	if err == nil && answer != "ok" {
		err = fault.New(fault.Internal, "copy_damaged", "The copy of the database is damaged. Is the disk full or failing?")
	}
	return errors.Join(err, db.Close())
}

// SyncFile puts a file or folder on disk.
func SyncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
