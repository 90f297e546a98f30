package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// unfinishedFile is in a data folder from when a restore puts the first thing in its
// place until it has put the last. A server does not start meanwhile, nor while a folder
// is there that a restore works in.
const unfinishedFile = "restore-unfinished.json"

// unfinished names the backup: the restore that goes on must be of the same one.
type unfinished struct {
	Backup string    `json:"backup"`
	Log    int64     `json:"log"` // the name that the restored log gets
	At     time.Time `json:"at"`
}

// CodeUnfinished is the code of a folder into which a restore did not come to its end.
const CodeUnfinished = "restore_unfinished"

// RefuseUnfinished refuses a data folder into which a restore did not come to its end.
func RefuseUnfinished(data string) error {
	if datadir.Exists(filepath.Join(data, unfinishedFile)) {
		return fault.New(fault.Conflict, CodeUnfinished, "A restore into "+data+" did not come to its end. Run it again, with the same backup.")
	}
	entries, err := os.ReadDir(data)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), staged) {
			return fault.New(fault.Conflict, CodeUnfinished, "A restore into "+data+" did not come to its end. Run it again; or remove "+e.Name()+" there, to start without what it was to bring.")
		}
	}
	return err
}

// refuseUsed refuses places that hold something already, unless a restore of the
// same backup put it there and was cut off.
func (r *restoring) refuseUsed(ctx context.Context) error {
	if datadir.Exists(filepath.Join(r.cfg.Data, unfinishedFile)) {
		var u unfinished
		if err := datadir.ReadJSON(filepath.Join(r.cfg.Data, unfinishedFile), &u); err != nil {
			return err
		}
		if u.Log != 0 { // it makes of the backup what it made before
			r.mark = u
		}
		if r.resumed = u.Backup == r.database.id(); !r.resumed {
			return fault.New(fault.Conflict, CodeUnfinished, "A restore of another backup into "+r.cfg.Data+" did not come to its end. Run that one again, or restore into an empty folder.")
		}
		return nil
	}
	if r.cfg.DatabaseURL.Len() == 0 {
		if sqldb.HasFile(r.cfg.Data) {
			return fault.New(fault.Conflict, "target_not_empty", "There is a database in "+r.cfg.Data+" already. Restore into an empty folder.")
		}
		// SQLite would put what such a file holds over what was restored.
		for _, of := range []string{"-wal", "-shm", "-journal"} {
			if datadir.Exists(filepath.Join(r.cfg.Data, sqldb.File+of)) {
				return fault.New(fault.Conflict, "target_not_empty", "The file "+sqldb.File+of+" in "+r.cfg.Data+" is left of another database. Move it away, or restore into an empty folder.")
			}
		}
	} else if used, err := r.targetInUse(ctx); err != nil {
		return err
	} else if used {
		return fault.New(fault.Conflict, "target_not_empty", "The PostgreSQL database is not empty. Restore into an empty one.")
	}
	if r.keys == nil {
		return nil
	}
	if _, has := r.keys.Files[datadir.DevOwnerFile]; has && datadir.Exists(filepath.Join(r.cfg.Data, datadir.DevOwnerFile)) {
		return fault.New(fault.Conflict, "target_not_empty", "There is a "+datadir.DevOwnerFile+" in "+r.cfg.Data+" already. Restore into an empty folder.")
	}
	dir := keyring.Dir(r.cfg)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(filepath.Dir(dir), 0o700) // the keys are put beside their place first
	case err == nil && len(entries) > 0:
		return notEmpty(dir)
	}
	return err
}

func (s *signedFolder) id() string {
	sum := sha256.Sum256(s.text)
	return hex.EncodeToString(sum[:])
}

// sweep removes what restores worked in, this one and those that were cut off: the
// folder is locked, so no other does now.
func (r *restoring) sweep() error {
	dirs := []string{r.cfg.Data}
	if r.keys != nil {
		dirs = append(dirs, filepath.Dir(keyring.Dir(r.cfg)))
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() && strings.HasPrefix(e.Name(), staged) {
				if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// place puts what was checked where the server looks for it. Cut off at any point it
// leaves the folder such that a server refuses to start, and a restore goes on.
func (r *restoring) place(ctx context.Context, from config.Config) error {
	mark := filepath.Join(r.cfg.Data, unfinishedFile)
	if !r.resumed {
		if err := errors.Join(datadir.WriteJSON(mark, r.mark), files.Sync(r.cfg.Data)); err != nil {
			return err
		}
	}
	if r.keys != nil {
		if err := r.placeKeys(from.KeystoreDir); err != nil {
			return err
		}
	}
	if _, ok := r.database.Files[filepath.Base(datadir.Anchor{}.File())]; ok && !datadir.Exists(datadir.Anchor{Dir: r.cfg.Data}.File()) {
		if err := os.Rename(datadir.Anchor{Dir: from.Data}.File(), datadir.Anchor{Dir: r.cfg.Data}.File()); err != nil {
			return err
		}
	}
	if err := r.placeDatabase(ctx, from.Data); err != nil {
		return err
	}
	// What was worked in goes before the mark: a server starts on neither.
	if err := errors.Join(files.Sync(r.cfg.Data), r.sweep()); err != nil {
		return err
	}
	return errors.Join(os.Remove(mark), files.Sync(r.cfg.Data))
}

// placeKeys moves the keystore to its place, unless a restore that was cut off did.
func (r *restoring) placeKeys(from string) error {
	if _, has := r.keys.Files[datadir.DevOwnerFile]; has {
		// Renaming over one that the cut-off restore put there changes nothing.
		if err := copyOver(filepath.Join(from, datadir.DevOwnerFile), filepath.Join(r.cfg.Data, datadir.DevOwnerFile)); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(from, datadir.DevOwnerFile)); err != nil {
			return err
		}
	}
	to := keyring.Dir(r.cfg)
	if entries, err := os.ReadDir(to); err == nil && len(entries) > 0 && r.resumed {
		have := &signedFolder{dir: to, manifest: manifest{Format: manifestFormat, Files: maps.Clone(r.keys.Files)}}
		delete(have.Files, datadir.DevOwnerFile)
		if have.check(to) != nil {
			return fault.New(fault.Conflict, "target_not_empty", "The keystore in "+to+" is not the one of the backup.")
		}
		return nil
	}
	// What is there is empty, and if it no longer is, stays.
	if err := os.Remove(to); err != nil && datadir.Exists(to) {
		return err
	}
	return errors.Join(os.Rename(from, to), files.Sync(filepath.Dir(to)))
}

// copyOver puts a copy of a file in place of another, whole or not at all.
func copyOver(from, to string) error {
	tmp := to + ".tmp"
	if err := os.Remove(tmp); err != nil && datadir.Exists(tmp) {
		return err
	}
	return errors.Join(copyFile(from, tmp), os.Rename(tmp, to))
}

// placeDatabase comes last: without it there is nothing to serve. When a restore that
// was cut off had come so far, it sees that all is there.
func (r *restoring) placeDatabase(ctx context.Context, from string) error {
	if r.resumed {
		if done, err := r.arrived(ctx, from); err != nil || done {
			return err
		}
	}
	if r.cfg.DatabaseURL.Len() > 0 {
		db, err := store.Look(store.Config{Dir: from})
		if err != nil {
			return err
		}
		_, err = transfer.Transfer(ctx, db.DB, store.Config{PostgresDSN: string(r.cfg.DatabaseURL.Reveal())}, r.Progress("rows of"))
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
		r.Say("Restored into PostgreSQL.")
		return nil
	}
	file := filepath.Join(from, sqldb.File)
	if err := files.Sync(file); err != nil {
		return err
	}
	if err := os.Rename(file, filepath.Join(r.cfg.Data, sqldb.File)); err != nil {
		return err
	}
	r.Say("Restored into %s.", r.cfg.Data)
	return nil
}

// arrived reports whether the target holds the database of the backup already. One
// that holds anything else is refused.
func (r *restoring) arrived(ctx context.Context, from string) (bool, error) {
	if r.cfg.DatabaseURL.Len() > 0 {
		if used, err := r.targetInUse(ctx); err != nil || !used {
			return false, err
		}
	} else if !sqldb.HasFile(r.cfg.Data) {
		return false, nil
	}
	target, err := operator.Look(r.cfg)
	if err != nil {
		return false, err
	}
	same, err := sameRows(ctx, from, target)
	if err := errors.Join(err, target.Close()); err != nil {
		return false, err
	}
	if !same {
		return false, fault.New(fault.Conflict, "target_not_empty", "The target holds another database. Restore into an empty place.")
	}
	r.Say("All was there already: an earlier restore of this backup was cut off at its end.")
	return true, nil
}

// sameRows reports whether a database holds what the SQLite database in dir does.
func sameRows(ctx context.Context, dir string, other *store.DB) (bool, error) {
	db, err := store.Look(store.Config{Dir: dir})
	if err != nil {
		return false, err
	}
	a, err := transfer.Sums(ctx, db.DB, nil)
	b, err2 := transfer.Sums(ctx, other.DB, nil)
	return transfer.Differing(a, b) == "", errors.Join(err, err2, db.Close())
}

// targetInUse reports whether a PostgreSQL database holds a server's data.
func (r *restoring) targetInUse(ctx context.Context) (bool, error) {
	db, err := operator.Look(r.cfg)
	if err != nil {
		return false, err
	}
	used, err := db.InUse(ctx)
	return used, errors.Join(err, db.Close())
}
