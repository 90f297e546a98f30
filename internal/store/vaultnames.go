package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// ChangeVault implements vault.Store.
func (db *DB) ChangeVault(ctx context.Context, org, id string, name, description *string, ev *audit.Event) (v vault.Vault, err error) {
	err = db.Write(ctx, org, func(tx Tx) error {
		var key any
		if name != nil {
			free, err := tx.freeName(org, id, *name)
			if err != nil {
				return err
			}
			key = free
		}
		v = vault.Vault{}
		var cmek sql.NullString
		var at int64
		tx.Wrote()
		found, err := tx.Row(`UPDATE vaults SET name = COALESCE($3, name), description = COALESCE($4, description), name_key = COALESCE($5, name_key)
			WHERE id = $1 AND org_id = $2 RETURNING `+vaultColumns, []any{id, org, orNull(name), orNull(description), key}, vaultFields(&v, &cmek, &at)...)
		if err == nil && !found {
			return tx.Refuse(errNoVault)
		}
		v.CMEKFingerprint, v.CreatedAt = cmek.String, fromMicros(at)
		tx.Record(ev)
		tx.Changed(org)
		return err
	})
	return v, err
}

// orNull is NULL for a text that was not given.
func orNull(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// freeName returns the key of a vault's name, or errNameTaken where another vault has it.
// The organisation's head is locked: nobody takes the name meanwhile.
func (tx Tx) freeName(org, id, name string) (string, error) {
	if err := tx.keyNames(org); err != nil {
		return "", err
	}
	key := vault.NameKey(name)
	var one int
	taken, err := tx.Row(`SELECT 1 FROM vaults WHERE org_id = $1 AND name_key = $2 AND id <> $3 LIMIT 1`, []any{org, key, id}, &one)
	if err == nil && taken {
		err = tx.Refuse(errNameTaken)
	}
	return key, err
}

// keyNames gives the vaults of before their keys.
func (tx Tx) keyNames(org string) error {
	for {
		var id, name string
		found, err := tx.Row(`SELECT id, name FROM vaults WHERE org_id = $1 AND name_key IS NULL LIMIT 1`, []any{org}, &id, &name)
		if err != nil || !found {
			return err
		}
		if _, err := tx.Exec(`UPDATE vaults SET name_key = $2 WHERE id = $1`, id, vault.NameKey(name)); err != nil {
			return err
		}
	}
}
