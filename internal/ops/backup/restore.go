package backup

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"time"

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
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// RestoreCommand is `oneclaw restore`.
func RestoreCommand(o operator.Operator) *cobra.Command {
	r := &restoring{Operator: o}
	var from, keysFrom, key string
	var check bool
	cmd := &cobra.Command{
		Use:   "restore --from DIR [--keys-from DIR]",
		Short: "Restore a backup, after checking all of it",
		Long: `Put a backup made by "oneclaw backup" into an empty place: the data folder, or the
PostgreSQL database that ONECLAW_DATABASE_URL_FILE names. First its signature and files are
checked, all logs are walked and everything that is sealed is opened; when anything does not
fit, nothing is put there. A restore that was cut off leaves nothing that a server starts
on, and may be run again.

The signature must be of a key of the keystore. When that comes with the backup, who
replaced both can have signed both: give the public key that "oneclaw backup" printed
with --key then. --check does all but putting anything there.`,
	}
	cmd.Flags().StringVar(&from, "from", "", "folder that holds the backup of the database (required)")
	cmd.Flags().StringVar(&keysFrom, "keys-from", "", "folder that holds the backup of the software keystore; without it the keystore must be there")
	cmd.Flags().StringVar(&key, "key", "", "public key that must have signed the backup, as oneclaw backup printed it")
	cmd.Flags().BoolVar(&r.unsigned, "unsigned", false, "take a backup that is not signed")
	cmd.Flags().BoolVar(&r.damaged, "accept-damaged", false, "restore although some values are damaged, a log was altered, or keys of vaults or signing keys are lost: the rest opens")
	cmd.Flags().BoolVar(&check, "check", false, "check the backup, and restore nothing")
	return o.Command(cmd, func(ctx context.Context, cfg config.Config) (err error) {
		if from == "" {
			return fault.New(fault.Invalid, "usage", "Say which backup with --from DIR.")
		}
		r.cfg = cfg
		if key != "" {
			if r.pinned, err = keyring.Parse(key); err != nil {
				return err
			}
		}
		if keysFrom != "" && cfg.Keystore == "pkcs11" {
			return fault.New(fault.Invalid, "keys_in_hardware", "The keys are in a hardware module: restore them with its own tools, and leave --keys-from out.")
		}
		if r.database, err = readSigned(from, holdsDatabase); err != nil {
			return err
		}
		if keysFrom != "" {
			if r.keys, err = readSigned(keysFrom, holdsKeys); err != nil {
				return err
			}
		}
		if check {
			process.LetServersRunFirst()
			return r.check(ctx)
		}
		if err := r.run(ctx); err != nil {
			return err
		}
		o.Say("The backup was made at %s. What was done since is undone:", r.database.MadeAt.Format("2006-01-02 15:04:05 MST"))
		o.Say("- Keys and tokens that were revoked, and grants that were taken away, since then are good again. Revoke them again.")
		o.Say("- Counted reads that were used up since then may be used again.")
		o.Say("- Webhooks are called no more, since the server that the backup is of may call the same addresses. An owner or admin sets each going again with oneclaw webhook update ID --start, and the one for approvals by setting it again.")
		o.Say("- Nodes that signed the log since then refuse to sign the older one: stop them, and then remove audit-signed.json from their data folders.")
		return nil
	})
}

// restoring is a restore under way. Everything is made ready in staging, within
// the data folder, and put in place by renames at the end.
type restoring struct {
	operator.Operator
	cfg            config.Config
	database, keys *signedFolder     // keys is nil when the keystore is there already
	pinned         ed25519.PublicKey // nil: the keystore's
	unsigned       bool
	damaged        bool // may be among the values
	staging        string
	stagedKeys     string
	resumed        bool // an earlier restore of this backup was cut off here
	mark           unfinished
}

// staged begins the names of folders that a restore works in.
const staged = ".restoring-"

func (r *restoring) run(ctx context.Context) (err error) {
	hadData, hadLock := datadir.Exists(r.cfg.Data), datadir.Exists(filepath.Join(r.cfg.Data, sqldb.LockFile))
	if err := datadir.Prepare(r.cfg.Data); err != nil {
		return err
	}
	lock, err := sqldb.Lock(r.cfg.Data)
	if err != nil {
		return err
	}
	defer func() {
		err = noSpace(err, r.cfg.Data)
		if err != nil && !hadLock && !datadir.Exists(filepath.Join(r.cfg.Data, unfinishedFile)) {
			_ = os.Remove(filepath.Join(r.cfg.Data, sqldb.LockFile))
			if !hadData {
				_ = os.Remove(r.cfg.Data) // which fails when something is in it
			}
		}
		err = errors.Join(err, lock.Close())
	}()
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	r.mark = unfinished{r.database.id(), int64(binary.BigEndian.Uint64(b[:])>>1) | 1, r.Now().UTC().Truncate(time.Microsecond)}
	if err := r.refuseUsed(ctx); err != nil {
		return err
	}
	if err := r.sweep(); err != nil {
		return err
	}
	if r.staging, err = os.MkdirTemp(r.cfg.Data, staged); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.staging) }()
	if r.keys != nil {
		// Beside its place: that may be on another disk than the data.
		if r.stagedKeys, err = os.MkdirTemp(filepath.Dir(keyring.Dir(r.cfg)), staged); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(r.stagedKeys) }()
	}
	copied, err := r.stage(ctx)
	if err != nil {
		return err
	}
	return r.place(ctx, copied)
}

// stage copies the backup to where it is going to be, checks the copies, and brings
// the schema up to date. It returns settings that name the copies.
func (r *restoring) stage(ctx context.Context) (copied config.Config, err error) {
	copied = r.cfg
	copied.Data, copied.KeystoreDir = filepath.Join(r.staging, "data"), keyring.Dir(r.cfg)
	copied.DatabaseURL = config.Config{}.DatabaseURL
	if err := os.Mkdir(copied.Data, 0o700); err != nil {
		return copied, err
	}
	if err := r.database.copyTo(copied.Data); err != nil {
		return copied, r.whichTable(ctx, err)
	}
	if r.keys != nil {
		copied.KeystoreDir = r.stagedKeys
		if err := r.keys.copyTo(copied.KeystoreDir); err != nil {
			return copied, err
		}
	}
	keys, err := keyring.OpenExisting(ctx, copied)
	if err != nil {
		return copied, err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	if err := r.signers(ctx, copied, keys); err != nil {
		return copied, err
	}
	if err := r.prove(ctx, keys); err != nil {
		return copied, err
	}
	db, err := store.Open(ctx, store.Config{Dir: copied.Data})
	if err != nil {
		return copied, r.spoiled(err)
	}
	if err = r.inspect(ctx, db, keys, datadir.Anchor{Dir: copied.Data}); err == nil {
		err = db.Restored(ctx, r.mark.Log, r.mark.At)
	}
	return copied, errors.Join(err, db.Close())
}

// copyTo copies the files that the manifest names, and checks the copies. A folder
// with a file too many, or one too few, is refused.
func (s *signedFolder) copyTo(dir string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name == manifestFile || name == signatureFile || name == partial || s.Format == 1 && name != sqldb.File {
			continue
		}
		if !e.Type().IsRegular() {
			return s.refused(e.Name(), "is no file, and was not in it when it was made")
		}
		if err := copyFile(filepath.Join(s.dir, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return s.check(dir)
}

// prove sees that both folders were signed by the key that counts: the one that was
// given, or else the one of that name in the keystore.
func (r *restoring) prove(ctx context.Context, keys keystore.KeyStore) error {
	for _, s := range []*signedFolder{r.database, r.keys} {
		if s == nil {
			continue
		}
		if s.signed == nil && r.unsigned {
			r.Say("Nobody signed the backup in %s: you took it as it is.", s.dir)
			continue
		}
		key := r.pinned
		if key == nil && s.signed != nil {
			var err error
			if key, err = r.keyOf(ctx, keys, s); err != nil {
				return err
			}
		}
		if err := s.provenBy(key); err != nil {
			return err
		}
		spelled, err := keyring.Spell(s.signed.KeyID, key)
		if err != nil {
			return err
		}
		r.Say("The backup in %s was signed with %s.", s.dir, spelled)
	}
	if r.pinned == nil && r.keys != nil && !r.unsigned {
		r.Say("That key came with the backup: who could replace both could sign both. Compare it with what oneclaw backup printed, or give it with --key.")
	}
	return nil
}

// signers refuses a keystore with signing keys that do not open. With --accept-damaged
// they are named; the log can't be walked without the keys that signed it, and so
// those must open.
func (r *restoring) signers(ctx context.Context, cfg config.Config, keys keystore.KeyStore) error {
	bad, err := keyring.DamagedSigners(ctx, cfg, keys)
	if err != nil || len(bad) == 0 {
		return err
	}
	log := false
	for _, k := range bad {
		log = log || !k.Account && keyring.Audit.Number(k.ID) > 0
	}
	if r.damaged && !log {
		for _, k := range bad {
			r.Say("Before a server starts: %s", k)
		}
		return nil
	}
	after := ""
	if !log {
		after = " --accept-damaged puts back the rest."
	} else if r.keys != nil {
		after = " Copy the backup of the keys to the place of the keystore, put the file back there, and leave --keys-from out."
	}
	return keyring.DamagedError("", bad, after)
}

func (r *restoring) keyOf(ctx context.Context, keys keystore.KeyStore, s *signedFolder) (ed25519.PublicKey, error) {
	missing := fault.New(fault.Invalid, "backup_key_unknown",
		"The keystore has not got the key that signed the backup in "+s.dir+": it is another one's, or older than that key. Give the public key that oneclaw backup printed with --key.")
	if keyring.Backup.Number(s.signed.KeyID) == 0 {
		return nil, missing
	}
	signer, err := keys.Signer(ctx, s.signed.KeyID)
	if fault.CodeOf(err) == keystore.CodeKeyNotFound {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	key, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, missing
	}
	return key, nil
}

func (r *restoring) inspect(ctx context.Context, db *store.DB, keys keystore.KeyStore, anchor datadir.Anchor) error {
	in, err := inspect.Database(ctx, db, keys, anchor, true, r.Now, r.Progress("of the"))
	if err != nil {
		return r.spoiled(err)
	}
	if in.Torn != nil {
		return r.spoiled(in.Torn)
	}
	if bad := in.Opening.Unmovable; bad != "" && r.cfg.DatabaseURL.Len() > 0 {
		return fault.New(fault.Damaged, audit.CodeDamaged, "PostgreSQL can't store what is damaged in the backup: "+bad+
			". Take an older backup, or restore this one into SQLite with --accept-damaged.")
	}
	err = in.Err()
	offers := map[string]string{
		inspect.CodeDamaged: " A vault that was given a new key since opens with the keys of the backup's time: give them with --keys-from. If it was deleted since, --accept-damaged puts back the rest.",
		inspect.CodeAltered: " Take an older backup, or put this one back as it is with --accept-damaged: what the log then says of that time proves nothing.",
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && offers[e.Code] != "" {
		if !r.damaged {
			more := *e
			more.Detail += offers[e.Code]
			return &more
		}
		err = nil
	}
	if err != nil {
		return err
	}
	for _, line := range in.Lines() {
		r.Say("%s", line)
	}
	return nil
}

// check is a restore that ends before anything is put in place. The files are read
// where they are; only a database of an older schema is copied first.
func (r *restoring) check(ctx context.Context) (err error) {
	at := r.cfg
	at.KeystoreDir = keyring.Dir(r.cfg)
	if err := r.database.check(r.database.dir); err != nil {
		return r.whichTable(ctx, err)
	}
	if r.keys != nil {
		at.KeystoreDir = r.keys.dir
		if err := r.keys.check(r.keys.dir); err != nil {
			return err
		}
	}
	keys, err := keyring.OpenExisting(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	if err := r.signers(ctx, at, keys); err != nil {
		return err
	}
	if err := r.prove(ctx, keys); err != nil {
		return err
	}
	db, done, err := r.lookAt(ctx)
	if err != nil {
		return r.spoiled(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	sums, err := transfer.CheckCopy(ctx, r.database.dir, r.Progress("rows of"))
	if err != nil {
		return r.spoiled(err)
	}
	if name := transfer.Differing(r.database.Tables, sums); name != "" && r.database.Format > 1 {
		return r.database.refused(sqldb.File, "holds other rows in table "+name)
	}
	if err := r.inspect(ctx, db, keys, datadir.Anchor{Dir: r.database.dir}); err != nil {
		return err
	}
	r.Say("The backup of %s can be restored. Nothing was changed.", r.database.MadeAt.Format("2006-01-02 15:04:05 MST"))
	return nil
}

// whichTable makes a refusal of the database file one that says which table is not
// what it was, when that can be told.
func (r *restoring) whichTable(ctx context.Context, refusal error) error {
	db, err := store.LookAtCopy(r.database.dir)
	if err != nil {
		return refusal
	}
	defer func() { _ = db.Close() }()
	sums, err := transfer.Sums(ctx, db.DB, nil)
	if err != nil || r.database.Format == 1 {
		return refusal
	}
	if name := transfer.Differing(r.database.Tables, sums); name != "" {
		return r.database.refused(sqldb.File, "was damaged or altered: table "+name+" is not what it was")
	}
	return refusal
}

// spoiled makes what is found in a damaged database say that it is the backup's, which
// is as it was made: what was altered since is told before.
func (r *restoring) spoiled(err error) error {
	if code := fault.CodeOf(err); code != audit.CodeDamaged && code != "copy_damaged" {
		return err
	}
	return fault.Wrap(err, fault.Damaged, "backup_damaged", "The backup in "+r.database.dir+" is of a database that was damaged when it was made, and can't be restored, "+
		"also not with --accept-damaged. Take an older one: oneclaw restore --check tells which is whole.")
}

// lookAt opens the database of a backup in its place, or a copy of it with the schema
// of today.
func (r *restoring) lookAt(ctx context.Context) (_ *store.DB, done func() error, err error) {
	db, err := store.LookAtCopy(r.database.dir)
	if err != nil {
		return nil, nil, err
	}
	have, want, err := db.Schema(ctx)
	if err != nil || have >= want {
		return db, db.Close, err
	}
	if err := db.Close(); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "oneclaw-check-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if err := copyFile(filepath.Join(r.database.dir, sqldb.File), filepath.Join(dir, sqldb.File)); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	if db, err = store.Open(ctx, store.Config{Dir: dir}); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return db, func() error { return errors.Join(db.Close(), remove()) }, nil
}
