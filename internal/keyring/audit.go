package keyring

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// AuditIDs asks the keystore each time: another process may have made a key
// since, and a checkpoint that it signed must not look forged here.
func AuditIDs(keys keystore.KeyStore) func(ctx context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) { return Audit.IDs(ctx, keys) }
}

// Notes remember in the database that a series of keys was made.
type Notes interface {
	SignersMade(ctx context.Context, name string) (bool, error)
	NoteSigners(ctx context.Context, name string) error
}

// RefuseLost fails when a series of keys that an earlier start had is not in the keystore:
// a new one, made in silence, would hide that it is lost.
func RefuseLost(ctx context.Context, keys keystore.KeyStore, notes Notes, series ...Series) error {
	all, err := keys.Signers(ctx)
	if err != nil {
		return err
	}
	for _, s := range series {
		made, err := notes.SignersMade(ctx, string(s))
		switch {
		case err != nil:
			return err
		case !made || slices.ContainsFunc(all, func(id string) bool { return strings.HasPrefix(id, string(s)) }):
		case s == Token:
			return fault.New(fault.Invalid, "token_key_lost", "The key that signs tokens (token:000001 or a later one) is not in the keystore. Put it back from a backup "+
				"of the keys. If it is lost for good, oneclaw keys rotate token makes a new one: everybody logs in again, and agents exchange their keys again.")
		default:
			return fault.New(fault.Invalid, "backup_key_lost", "The key that signs backups (backup:1 or a later one) is not in the keystore. Put it back from a backup "+
				"of the keys. If it is lost for good, oneclaw keys rotate backup makes a new one: backups that the lost one signed are restored with --key and its public half.")
		}
	}
	return nil
}

// NoteMade notes that the series are there.
func NoteMade(ctx context.Context, notes Notes) error {
	return errors.Join(notes.NoteSigners(ctx, string(Token)), notes.NoteSigners(ctx, string(Backup)))
}

// EnsureAudit makes the first key. Two nodes that start at once may both try:
// the one that comes second is as well served by the other's key. A keystore
// without it is new: with a database that has vaults already it is not theirs, and
// going on would hide that theirs is lost.
func EnsureAudit(ctx context.Context, keys keystore.KeyStore, allVaults func(context.Context) ([]string, error)) error {
	ids, err := AuditIDs(keys)(ctx)
	if err != nil || len(ids) > 0 {
		return err
	}
	vaults, err := allVaults(ctx)
	if err != nil {
		return err
	}
	if len(vaults) == 0 {
		return Audit.Ensure(ctx, keys)
	}
	signers, err := keys.Signers(ctx)
	if err != nil {
		return err
	}
	if len(signers) == 0 {
		return fault.New(fault.Invalid, "keystore_empty", "The keystore is empty, but the database has vaults, whose keys were in another one. "+
			"Name that with ONECLAW_KEYSTORE_DIR, or restore it from its backup: without its keys nothing opens.")
	}
	return fault.New(fault.Invalid, "audit_key_lost", "The key that signs the audit log ("+FirstAudit+" or a later one) is not in the keystore; other keys are. "+
		"Put it back from a backup of the keys. If it is lost for good, oneclaw keys rotate audit makes a new one: what the lost one signed can't be verified.")
}
