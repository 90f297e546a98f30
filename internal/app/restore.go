package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

const databaseFile = store.File

func (d Deps) restore() *cobra.Command {
	o := &operator{Deps: d}
	var from, keysFrom string
	cmd := &cobra.Command{
		Use:   "restore --from DIR [--keys-from DIR]",
		Short: "Put a backup back, after checking all of it",
		Long: `Put a backup made by "oneclaw backup" into an empty place: the data folder, or the
PostgreSQL database that ONECLAW_DATABASE_URL_FILE names. First all logs are walked and
a value of each vault is opened; when anything does not fit, nothing is put there.`,
	}
	cmd.Flags().StringVar(&from, "from", "", "folder that holds the backup of the database (required)")
	cmd.Flags().StringVar(&keysFrom, "keys-from", "", "folder that holds the backup of the software keystore; without it the keystore must be there")
	return o.command(cmd, func(ctx context.Context, cfg config.Config) error {
		if from == "" {
			return fault.New(fault.Invalid, "usage", "Say which backup with --from DIR.")
		}
		m, err := readManifest(from)
		if err != nil {
			return err
		}
		if err := prepareData(cfg.Data); err != nil {
			return err
		}
		r := &restoring{operator: o, cfg: cfg, from: from, keysFrom: keysFrom}
		if err := r.refuseUsed(ctx); err != nil {
			return err
		}
		if r.staging, err = os.MkdirTemp(cfg.Data, ".restoring-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(r.staging) }()
		if err := r.run(ctx); err != nil {
			return err
		}
		o.say("The backup was made at %s. What was done since is undone:", m.MadeAt.Format("2006-01-02 15:04:05 MST"))
		o.say("- Keys and tokens that were revoked, and grants that were taken away, since then are good again. Revoke them again.")
		o.say("- Counted reads that were used up since then may be used again.")
		o.say("- Nodes that signed the log since then refuse to sign the older one: remove audit-signed.json from their data folders.")
		return nil
	})
}

func readManifest(dir string) (m manifest, err error) {
	if err := readJSON(filepath.Join(dir, manifestFile), &m); err != nil {
		return m, fault.Wrap(err, fault.NotFound, "no_backup", "There is no whole backup in "+dir+".")
	}
	if m.Format != manifestFormat {
		return m, fault.New(fault.Conflict, "backup_too_new", "This backup was made by a later version of oneclaw.")
	}
	sum, err := sumFile(filepath.Join(dir, databaseFile))
	if err != nil || sum != m.SHA256 {
		return m, fault.Wrap(err, fault.Invalid, "backup_damaged", "The backup in "+dir+" is not as it was made: it was damaged or altered.")
	}
	return m, nil
}

// restoring is a restore under way. Everything is made ready in staging, within
// the data folder, and put in place by renames at the end.
type restoring struct {
	*operator
	cfg            config.Config
	from, keysFrom string
	staging        string
}

// refuseUsed refuses places that hold something already.
func (r *restoring) refuseUsed(ctx context.Context) error {
	if r.cfg.DatabaseURL.Len() == 0 {
		if _, err := os.Lstat(filepath.Join(r.cfg.Data, databaseFile)); !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(err, fault.Conflict, "target_not_empty", "There is a database in "+r.cfg.Data+" already. Restore into an empty folder.")
		}
		// SQLite would put what such a file holds over what was restored.
		for _, of := range []string{"-wal", "-shm", "-journal"} {
			if _, err := os.Lstat(filepath.Join(r.cfg.Data, databaseFile+of)); !errors.Is(err, fs.ErrNotExist) {
				return fault.Wrap(err, fault.Conflict, "target_not_empty", "The file "+databaseFile+of+" in "+r.cfg.Data+" is left of another database. Move it away, or restore into an empty folder.")
			}
		}
	} else if err := refuseInUse(ctx, r.cfg); err != nil {
		return err
	}
	if r.keysFrom == "" {
		return nil
	}
	if r.cfg.Keystore == "pkcs11" {
		return fault.New(fault.Invalid, "keys_in_hardware", "The keys are in a hardware module: restore them with its own tools, and leave --keys-from out.")
	}
	return emptyDir(keystoreDir(r.cfg))
}

func (r *restoring) run(ctx context.Context) (err error) {
	staged := r.cfg
	staged.Data = filepath.Join(r.staging, "data")
	staged.DatabaseURL = config.Config{}.DatabaseURL
	staged.KeystoreDir = keystoreDir(r.cfg)
	if err := os.Mkdir(staged.Data, 0o700); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(r.from, databaseFile), filepath.Join(staged.Data, databaseFile)); err != nil {
		return err
	}
	if r.keysFrom != "" {
		// Beside its place: that may be on another disk than the data.
		if staged.KeystoreDir, err = os.MkdirTemp(filepath.Dir(keystoreDir(r.cfg)), ".restoring-keys-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(staged.KeystoreDir) }()
		if _, err := copyKeys(r.keysFrom, staged.KeystoreDir); err != nil {
			return fault.Wrap(err, fault.NotFound, "no_keys_backup", "The backup of the keys in "+r.keysFrom+" can't be read.")
		}
	}
	if err := r.verify(ctx, staged); err != nil {
		return err
	}
	if r.keysFrom != "" {
		// What is there is empty, and if it no longer is, stays.
		if err := errors.Join(os.Remove(keystoreDir(r.cfg)), os.Rename(staged.KeystoreDir, keystoreDir(r.cfg))); err != nil {
			return err
		}
		if err := store.SyncFile(filepath.Dir(keystoreDir(r.cfg))); err != nil {
			return err
		}
	}
	return r.place(ctx, staged)
}

// verify brings the copy's schema up to date, walks its logs and opens values.
func (r *restoring) verify(ctx context.Context, staged config.Config) (err error) {
	keys, err := existingKeystore(ctx, staged)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	return r.verifyWith(ctx, staged, keys)
}

func (r *restoring) verifyWith(ctx context.Context, staged config.Config, keys keystore.KeyStore) error {
	db, err := store.Open(ctx, store.Config{Dir: staged.Data})
	if err != nil {
		return err
	}
	in, err := inspect(ctx, db, keys, true)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := in.err(); err != nil {
		return err
	}
	r.tell(in)
	return nil
}

// place puts what was checked where the server looks for it. The database comes
// last: without it there is nothing to start on.
func (r *restoring) place(ctx context.Context, staged config.Config) (err error) {
	signed := anchor{r.cfg.Data}.file()
	if err := copyFile(anchor{r.from}.file(), signed); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if r.cfg.DatabaseURL.Len() > 0 {
		db, err := store.Look(store.Config{Dir: staged.Data})
		if err != nil {
			return err
		}
		_, err = store.Transfer(ctx, db, store.Config{PostgresDSN: string(r.cfg.DatabaseURL.Reveal())}, nil)
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
		r.say("Restored into PostgreSQL.")
		return nil
	}
	file := filepath.Join(staged.Data, databaseFile)
	if err := store.SyncFile(file); err != nil {
		return err
	}
	if err := os.Rename(file, filepath.Join(r.cfg.Data, databaseFile)); err != nil {
		return err
	}
	r.say("Restored into %s.", r.cfg.Data)
	return store.SyncFile(r.cfg.Data)
}

// refuseInUse refuses a PostgreSQL database that holds a server's data.
func refuseInUse(ctx context.Context, cfg config.Config) error {
	db, err := look(cfg)
	if err != nil {
		return err
	}
	used, err := db.InUse(ctx)
	if err == nil && used {
		err = fault.New(fault.Conflict, "target_not_empty", "The PostgreSQL database is not empty. Restore into an empty one.")
	}
	return errors.Join(err, db.Close())
}
