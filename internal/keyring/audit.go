package keyring

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// AuditIDs asks the keystore each time: another process may have made a key
// since, and a checkpoint that it signed must not look forged here.
func AuditIDs(keys keystore.KeyStore) func(ctx context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) { return Audit.IDs(ctx, keys) }
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
