package backup

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// copyTries is how often the database is copied anew because keys that its copy needs
// came and went meanwhile.
const copyTries = 5

// keys copies the keys before and after the database: so also one that was made
// meanwhile, and one that a rekeyed or deleted vault no longer needs and that was
// destroyed meanwhile. One that was both is in neither copy. Then whole says no, and
// the database is copied again.
func (b *backup) keys(to string, database func() error, whole func(keys string) (bool, error)) (err error) {
	p, err := newParcel(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.drop()) }()
	failed := func(err error) error {
		if driver.DiskFull(err) {
			return noSpace(err, to)
		}
		return fault.Wrap(err, fault.Unavailable, "keys_not_copied", "The keystore could not be copied.")
	}
	n, err := copyKeys(keyring.Dir(b.cfg), p.staging)
	if err != nil {
		return failed(err)
	}
	// A password lies with the keys, not with the database, which is good for nothing alone.
	if err := copyFile(filepath.Join(b.cfg.Data, datadir.DevOwnerFile), filepath.Join(p.staging, datadir.DevOwnerFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	for try := 1; ; try++ {
		if err := database(); err != nil {
			return err
		}
		more, err := copyKeys(keyring.Dir(b.cfg), p.staging)
		if err != nil {
			return failed(err)
		}
		n += more
		if ok, err := whole(p.staging); err != nil {
			return err
		} else if ok {
			break
		}
		if try == copyTries {
			return fault.New(fault.Unavailable, "keys_changed", "Nothing was written: vaults got new keys, and lost them again, each time that the database was copied. Make the backup when no vaults are rekeyed.")
		}
	}
	if err := p.publish(manifest{Holds: holdsKeys, Oneclaw: b.Version, MadeAt: b.Now().UTC()}, b.keyID, b.signer); err != nil {
		return err
	}
	b.Say("Copied %d key files to %s. Keep them apart from the database.", n, to)
	return nil
}

// opens reports whether the copied keys open the copied database, but for what has
// lost its key: that is told later, and no other copy has it.
func (b *backup) opens(ctx context.Context, database, keyFolder string) (_ bool, err error) {
	cfg := b.cfg
	cfg.KeystoreDir = keyFolder
	copied, err := keyring.Open(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	db, err := store.LookAtCopy(database)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	live, err := operator.Look(b.cfg)
	if err != nil {
		return false, err
	}
	ctx, failure := live.WhileAlive(ctx, operator.Patience)
	defer func() { err = errors.Join(failure(err), live.Close()) }()
	used, err := db.VaultKeys(ctx)
	if err != nil {
		return false, err
	}
	for _, k := range used {
		if _, err := copied.Wrap(ctx, vault.KEKs(k.Vault, k.Gen, k.Gen)[0], make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
			continue
		}
		if needed, err := live.UsesVaultKey(ctx, k); err != nil || !needed {
			return false, err
		}
	}
	return true, nil
}
