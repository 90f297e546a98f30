// Package backup writes, checks and restores backups.
//
// Its promise: a backup is the database of one moment and the keys that open it, each
// in a folder of its own, read back and signed. What is not whole is never taken for
// one. A restore puts nothing in place before all of it was checked, and nothing over
// what is there; one that was cut off leaves nothing that a server starts on.
package backup

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/process"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Command is `oneclaw backup`.
func Command(o operator.Operator) *cobra.Command {
	var to, keysTo string
	cmd := &cobra.Command{
		Use:   "backup --to DIR [--keys-to DIR]",
		Short: "Copy the database and, separately, the keys, while the server runs",
		Long: `Copy the database as it is at one moment into an empty folder, while servers go on. From
PostgreSQL too it is one SQLite file, that "oneclaw restore" reads back into either. What
was written is read back and compared table by table, and then signed with a key of the
keystore; the key's public half is printed.

With --keys-to the software keystore is copied into a second folder, with the password
that "oneclaw dev" made up. Keep the two apart: who has both has every secret; the
database alone opens nothing. Keys in a hardware module are backed up with the tools of
the module. Files that settings name, such as certificates, are in neither.`,
	}
	cmd.Flags().StringVar(&to, "to", "", "folder for the copy of the database (required)")
	cmd.Flags().StringVar(&keysTo, "keys-to", "", "folder for the copy of the software keystore")
	return o.Command(cmd, func(ctx context.Context, cfg config.Config) (err error) {
		if to == "" {
			return fault.New(fault.Invalid, "usage", "Say where with --to DIR.")
		}
		if err := apart(to, keysTo); err != nil {
			return err
		}
		if inData(to, cfg.Data) || keysTo != "" && inData(keysTo, cfg.Data) {
			return fault.New(fault.Invalid, "backup_in_data", "A backup must not lie in the data folder: what takes that folder takes the backup too.")
		}
		if keysTo != "" && cfg.Keystore == "pkcs11" {
			return fault.New(fault.Invalid, "keys_in_hardware", "The keys are in a hardware module: back them up with its own tools, and leave --keys-to out.")
		}
		if err := RefuseUnfinished(cfg.Data); fault.CodeOf(err) == CodeUnfinished {
			return err // what it would copy is part of another backup
		}
		keys, err := keyring.OpenExisting(ctx, cfg)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, keys.Close()) }()
		process.LetServersRunFirst()
		b := &backup{Operator: o, cfg: cfg}
		if err := b.signerLost(ctx, keys); err != nil {
			return err
		}
		return b.run(ctx, keys, to, keysTo)
	})
}

// backup is one under way.
type backup struct {
	operator.Operator
	cfg    config.Config
	keyID  string
	signer crypto.Signer
}

// signerLost fails when the key that signed earlier backups is lost: run would make another.
func (b *backup) signerLost(ctx context.Context, keys keystore.KeyStore) (err error) {
	db, err := operator.Look(b.cfg)
	if err != nil {
		return err
	}
	ctx, failure := db.WhileAlive(ctx, operator.Patience)
	defer func() { err = errors.Join(failure(err), db.Close()) }()
	return keyring.RefuseLost(ctx, keys, db, keyring.Backup)
}

// run writes both folders and puts the keys in place first: a database that looks
// whole has its keys.
func (b *backup) run(ctx context.Context, keys keystore.KeyStore, to, keysTo string) (err error) {
	if b.keyID, b.signer, err = keyring.Backup.Newest(ctx, keys); err != nil {
		return keyring.Explained(ctx, b.cfg, keys, err)
	}
	database, err := newParcel(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.drop()) }()
	var m manifest
	copied := func() error {
		m, err = b.database(ctx, database.staging)
		return noSpace(err, to)
	}
	if keysTo == "" {
		err = copied()
	} else {
		err = b.keys(keysTo, copied, func(keys string) (bool, error) { return b.opens(ctx, database.staging, keys) })
	}
	if err != nil {
		return err
	}
	if err := database.publish(m, b.keyID, b.signer); err != nil {
		return err
	}
	rows := int64(0)
	for _, s := range m.Tables {
		rows += s.Rows
	}
	b.Say("Copied the database (%s, schema %d) to %s, and read it back: %d rows of %d tables are what the database has.", m.Engine, m.Schema, to, rows, len(m.Tables))
	if err := b.tellRest(keysTo); err != nil {
		return err
	}
	bad, err := keyring.DamagedSigners(ctx, b.cfg, keys)
	if err != nil {
		return err
	}
	for _, k := range bad {
		b.Warn("%s", k)
	}
	if err := errors.Join(b.readable(ctx, keys), b.walked(ctx, keys, database.dir, len(bad) > 0)); err != nil {
		return err
	}
	return keyring.DamagedError("The backup is written, but not all of its keys can be used. ", bad, " Then make a backup anew.")
}

// readable says of which vaults the keystore has no key that can be used, and what else
// restore would not take without a word. A vault that is deleted meanwhile is left out.
func (b *backup) readable(ctx context.Context, keys keystore.KeyStore) (err error) {
	db, err := operator.Look(b.cfg)
	if err != nil {
		return err
	}
	ctx, failure := db.WhileAlive(ctx, operator.Patience)
	defer func() { err = errors.Join(failure(err), db.Close()) }()
	ids, err := db.AllVaults(ctx)
	if err != nil {
		return err
	}
	vaults := vault.New(db, seal.New(keys), keys, db, nil, slog.New(slog.DiscardHandler)) // no request is decided here
	lost, torn := 0, 0
	for _, id := range ids {
		paths, err := db.Unlisted(ctx, id)
		if err != nil {
			return err
		}
		for _, path := range paths {
			torn++
			b.Warn("vault %s, path %q: rows of this secret are missing in the database.", id, path)
		}
		switch err := vaults.Probe(ctx, id, "", 0); {
		case fault.CodeOf(err) == seal.CodeKeyLost:
			if _, err := db.Vault(ctx, id); fault.Is(err, fault.NotFound) {
				continue
			}
			lost++
			b.Warn("%s", keyring.NewLost(ctx, keys, "vault "+id, err))
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		}
	}
	unsealed, err := inspect.Unsealed(ctx, db, keys)
	if err != nil {
		return err
	}
	for _, k := range unsealed {
		b.Warn("%s", k)
	}
	flawed := 0
	err = db.Flaws(ctx, b.Progress("rows of"), func(f transfer.Flaw) error {
		flawed++
		b.Warn("%s.", f)
		return nil
	})
	if err != nil {
		return err
	}
	if lost > 0 {
		return fault.New(fault.Damaged, "vault_key_lost", fmt.Sprintf("The backup is written, but the keys of %d vaults are not in it: put them back from an older copy of the keystore.", lost))
	}
	if len(unsealed) > 0 {
		return fault.New(fault.Damaged, "server_key_lost", "The backup is written, but a key that the server seals with is not in it, or does not open: put it back from an older copy of the keystore.")
	}
	if torn+flawed > 0 {
		return fault.New(fault.Damaged, inspect.CodeDamaged, fmt.Sprintf("The backup is written, but the database has lost rows of %d secrets, and %d of its values are damaged, and so restore takes it only with --accept-damaged. "+
			"Keep the last backup that was made without an error: it has them.", torn, flawed))
	}
	return nil
}

// walked walks the logs of the copy. A backup with an altered log is written, since the
// values in it may be whole, but is not taken for one that is whole. named says that
// damaged signing keys were named already.
func (b *backup) walked(ctx context.Context, keys keystore.KeyStore, dir string, named bool) (err error) {
	db, err := store.LookAtCopy(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, altered, err := inspect.Logs(ctx, db, keys, datadir.Anchor{Dir: dir}, b.Now)
	switch {
	case fault.CodeOf(err) == audit.CodeKeyUnusable && named:
		return nil // with the other keys that can't be used
	case fault.CodeOf(err) == audit.CodeKeyUnusable:
		return fault.Wrap(err, fault.Damaged, audit.CodeKeyUnusable, "The backup is written, but its logs were not walked: a key that signed them is missing or does not open, and without it restore refuses the backup. "+
			"Put the key back from an older copy of the keystore, and make a backup anew.")
	}
	for _, line := range altered {
		b.Warn("%s", line)
	}
	if err != nil || len(altered) == 0 {
		return err
	}
	return inspect.AlteredError("The backup is written, but restore takes it only with --accept-damaged. Keep the last backup that was made without an error. ", altered)
}

func (b *backup) database(ctx context.Context, to string) (m manifest, err error) {
	for _, file := range []string{filepath.Join(to, sqldb.File), datadir.Anchor{Dir: to}.File()} { // of a copy that was not whole
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
	}
	db, err := operator.Look(b.cfg)
	if err != nil {
		return m, err
	}
	ctx, failure := db.WhileAlive(ctx, operator.Patience)
	defer func() { err = errors.Join(failure(err), db.Close()) }()
	// The anchor is copied first: what it says was signed is then in the copy.
	if err := copyFile(datadir.Anchor{Dir: b.cfg.Data}.File(), datadir.Anchor{Dir: to}.File()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	m = manifest{Holds: holdsDatabase, Oneclaw: b.Version, Engine: db.Engine(), MadeAt: b.Now().UTC()}
	if m.Schema, _, err = db.Schema(ctx); err != nil {
		return m, err
	}
	m.Tables, err = transfer.Backup(ctx, db.DB, to, b.Progress("rows of"))
	return m, err
}

// tellRest says who signed, and what is in neither folder.
func (b *backup) tellRest(keysTo string) error {
	public, err := keyring.Spell(b.keyID, b.signer.Public())
	if err != nil {
		return err
	}
	b.Say("Signed. The public key is %s: keep it where who could alter the backup can't, and give it to restore with --key.", public)
	switch {
	case b.cfg.Keystore == "pkcs11":
		b.Say("The keys are in the hardware module, and not in the backup. Without them nothing in it opens: back them up with the module's tools.")
	case keysTo == "":
		b.Say("The keys are not in it. Without the keystore nothing in it opens: back that up too, elsewhere (--keys-to).")
	}
	if names := b.cfg.Files(); len(names) > 0 {
		b.Say("Not in it are the files that these settings name: %s.", strings.Join(names, ", "))
	}
	return nil
}

// apart refuses one folder within the other.
func apart(database, keys string) error {
	if keys == "" {
		return nil
	}
	if within(database, keys) || within(keys, database) {
		return fault.New(fault.Invalid, "keys_with_database", "Keys and database must not lie together: give --keys-to a folder that is elsewhere.")
	}
	return nil
}

// within reports whether a folder is another, or lies in it.
func within(folder, other string) bool {
	rel, err := filepath.Rel(absolute(other), absolute(folder))
	return err == nil && filepath.IsLocal(rel)
}

// inData is within for the data folder, parts of which may be mounted elsewhere too: a
// folder of it is the same file there, by another path.
func inData(folder, data string) bool {
	if within(folder, data) {
		return true
	}
	var above []fs.FileInfo
	for at := absolute(folder); ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil {
			above = append(above, info)
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	found := false
	// What can't be read is no folder that a backup could be written to.
	_ = filepath.WalkDir(absolute(data), func(_ string, d fs.DirEntry, _ error) error {
		if d == nil || !d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err == nil && slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// absolute is a path from the root, through links as far as it is there.
func absolute(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Join(absolute(filepath.Dir(path)), filepath.Base(path))
}
