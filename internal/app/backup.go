package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// manifest is what a backup says of itself. It is made last: a folder without it
// is no backup.
type manifest struct {
	Format  int       `json:"format"`
	Oneclaw string    `json:"oneclaw"`
	Engine  string    `json:"engine"` // that it was made from
	Schema  int64     `json:"schema"`
	MadeAt  time.Time `json:"made_at"`
	SHA256  string    `json:"sha256"` // of the database file
}

const (
	manifestFile   = "backup.json"
	manifestFormat = 1
)

func (d Deps) backup() *cobra.Command {
	o := &operator{Deps: d}
	var to, keysTo string
	cmd := &cobra.Command{
		Use:   "backup --to DIR [--keys-to DIR]",
		Short: "Copy the database, and apart from it the keys, while the server runs",
		Long: `Copy the database as it is at one moment into an empty folder, while servers go on. From
PostgreSQL too it is one SQLite file, that "oneclaw restore" reads back into either.

With --keys-to the software keystore is copied into a second folder. Keep the two apart:
who has both has every secret; the database alone opens nothing. Keys in a hardware
module are backed up with the tools of the module.`,
	}
	cmd.Flags().StringVar(&to, "to", "", "folder for the copy of the database (required)")
	cmd.Flags().StringVar(&keysTo, "keys-to", "", "folder for the copy of the software keystore")
	return o.command(cmd, func(ctx context.Context, cfg config.Config) error {
		if to == "" {
			return fault.New(fault.Invalid, "usage", "Say where with --to DIR.")
		}
		if err := apart(to, keysTo); err != nil {
			return err
		}
		if keysTo != "" && cfg.Keystore == "pkcs11" {
			return fault.New(fault.Invalid, "keys_in_hardware", "The keys are in a hardware module: back them up with its own tools, and leave --keys-to out.")
		}
		if keysTo == "" {
			if err := o.backupDatabase(ctx, cfg, to); err != nil {
				return err
			}
			o.say("The keys are not in it. Without the keystore nothing in it opens: back that up too, elsewhere (--keys-to).")
			return nil
		}
		n, err := withKeys(keystoreDir(cfg), keysTo, func() error { return o.backupDatabase(ctx, cfg, to) })
		if err != nil {
			return err
		}
		o.say("Copied %d key files to %s. Keep them apart from the database.", n, keysTo)
		return nil
	})
}

// withKeys copies the keys before and after the database. Every key that the copy
// of the database needs is among them: also one that was made meanwhile, and one
// that a rekeyed or deleted vault no longer needs and that was destroyed meanwhile.
func withKeys(from, to string, database func() error) (n int, err error) {
	if err := emptyDir(to); err != nil {
		return 0, err
	}
	failed := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "keys_not_copied", "The keystore could not be copied.")
	}
	if n, err = copyKeys(from, to); err != nil {
		return 0, failed(err)
	}
	if err := database(); err != nil {
		return 0, err
	}
	more, err := copyKeys(from, to)
	if err != nil {
		return 0, failed(err)
	}
	return n + more, nil
}

func (o *operator) backupDatabase(ctx context.Context, cfg config.Config, to string) (err error) {
	if err := emptyDir(to); err != nil {
		return err
	}
	db, err := look(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// The anchor is copied first: what it says was signed is then in the copy.
	if err := copyFile(anchor{cfg.Data}.file(), anchor{to}.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m := manifest{Format: manifestFormat, Oneclaw: o.Version, Engine: db.Engine(), MadeAt: now().UTC()}
	if m.Schema, _, err = db.Schema(ctx); err != nil {
		return err
	}
	if _, err := db.Backup(ctx, to, nil); err != nil {
		return err
	}
	if m.SHA256, err = sumFile(filepath.Join(to, databaseFile)); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(to, manifestFile), m); err != nil {
		return err
	}
	o.say("Copied the database (%s, schema %d) to %s.", m.Engine, m.Schema, to)
	return nil
}

// apart refuses one folder within the other.
func apart(database, keys string) error {
	if keys == "" {
		return nil
	}
	a, err := filepath.Abs(database)
	b, err2 := filepath.Abs(keys)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	sep := string(filepath.Separator)
	if strings.HasPrefix(a+sep, b+sep) || strings.HasPrefix(b+sep, a+sep) {
		return fault.New(fault.Invalid, "keys_with_database", "Keys and database must not lie together: give --keys-to a folder that is elsewhere.")
	}
	return nil
}

func sumFile(name string) (sum string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
