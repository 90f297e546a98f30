package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var (
	errNoVault   = fault.New(fault.NotFound, "vault_not_found", "There is no vault with this id.")
	errNameTaken = fault.New(fault.Conflict, "vault_name_taken", "There is a vault of this name already.")
)

const vaultColumns = `id, org_id, name, description, created_by, created_by_type, creator_human, cmek_fingerprint, kek_gen, created_at,
	creator_left`

func vaultFields(v *vault.Vault, cmek *sql.NullString, at *int64) []any {
	return []any{&v.ID, &v.Org, &v.Name, &v.Description, &v.CreatedBy, &v.CreatedByKind, &v.CreatorHuman, cmek, &v.KEKGen, at, &v.CreatorLeft}
}

// AddVault implements vault.Store.
func (db *DB) AddVault(ctx context.Context, v vault.Vault, ev *audit.Event) error {
	caps, err := db.caps(ctx, v.Org)
	if err != nil {
		return err
	}
	return db.Write(ctx, v.Org, func(tx Tx) error {
		if err := tx.alive(v.Org, v.CreatedBy); err != nil {
			return err
		}
		if !vault.Reserved(v.Name) {
			if err := tx.room(billing.Vaults, caps, v.Org); err != nil {
				return err
			}
		}
		key, err := tx.freeName(v.Org, v.ID, v.Name)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO vaults (`+vaultColumns+`, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11)
			ON CONFLICT (org_id, name) DO NOTHING`,
			v.ID, v.Org, v.Name, v.Description, v.CreatedBy, string(v.CreatedByKind), v.CreatorHuman,
			nullString(v.CMEKFingerprint), v.KEKGen, micros(v.CreatedAt), key)
		if err == nil && n == 0 {
			return tx.Refuse(errNameTaken)
		}
		if err == nil {
			err = tx.made("vaults", v.ID, ev)
		}
		tx.Record(ev)
		tx.Changed(v.Org)
		return err
	})
}

// Vault implements vault.Store.
func (db *DB) Vault(ctx context.Context, id string) (vault.Vault, error) {
	return db.vault(ctx, `WHERE id = $1`, id)
}

// HasVault implements vault.Store.
func (db *DB) HasVault(ctx context.Context, org, id string) error {
	var one int
	found, err := db.Row(ctx, `SELECT 1 FROM vaults WHERE id = $1 AND org_id = $2`, []any{id, org}, &one)
	if err == nil && !found {
		err = errNoVault
	}
	return err
}

// VaultsOfAgent implements vault.Store.
func (db *DB) VaultsOfAgent(ctx context.Context, agent string) ([]string, error) {
	return db.Texts(ctx, `SELECT vault_id FROM policies WHERE principal_id = $1 AND principal_type = 'agent'
		UNION SELECT id FROM vaults WHERE created_by = $1 AND created_by_type = 'agent'`, agent)
}

// VaultNamed implements vault.Store and proxy.Store.
func (db *DB) VaultNamed(ctx context.Context, org, name string) (vault.Vault, error) {
	return db.vault(ctx, `WHERE org_id = $1 AND name = $2`, org, name)
}

func (db *DB) vault(ctx context.Context, where string, args ...any) (vault.Vault, error) {
	var v vault.Vault
	var cmek sql.NullString
	var at int64
	found, err := db.Row(ctx, `SELECT `+vaultColumns+` FROM vaults `+where, args, vaultFields(&v, &cmek, &at)...)
	if err == nil && !found {
		err = errNoVault
	}
	if err != nil {
		return vault.Vault{}, err
	}
	v.CMEKFingerprint, v.CreatedAt = cmek.String, fromMicros(at)
	return v, nil
}

// Vaults implements vault.Store.
func (db *DB) Vaults(ctx context.Context, org string) ([]vault.Vault, error) {
	var out []vault.Vault
	err := db.Each(ctx, `SELECT `+vaultColumns+` FROM vaults WHERE org_id = $1 ORDER BY created_at, id`, []any{org},
		func(rows *sql.Rows) error {
			var v vault.Vault
			var cmek sql.NullString
			var at int64
			err := rows.Scan(vaultFields(&v, &cmek, &at)...)
			v.CMEKFingerprint, v.CreatedAt = cmek.String, fromMicros(at)
			out = append(out, v)
			return err
		})
	return out, err
}

// RemoveVault implements vault.Store.
func (db *DB) RemoveVault(ctx context.Context, v vault.Vault, ev *audit.Event) error {
	return db.writeLong(ctx, []string{v.Org}, func(tx Tx) error {
		room := int64(clearedAtOnce)
		found, err := tx.removeVault(`id = $1`, v.ID, &room)
		if err == nil && !found {
			return tx.Refuse(errNoVault)
		}
		tx.forgetVault(v.ID)
		tx.Record(ev)
		tx.Ended(v.Org)
		return err
	})
}

// removeVault deletes the vault that where finds with all that is in it, and
// schedules its keys for destruction. Secrets for which there is no room are cleared away later.
func (tx Tx) removeVault(where, arg string, room *int64) (found bool, err error) {
	var id string
	var from, to int64
	tx.Wrote()
	found, err = tx.Row(`DELETE FROM vaults WHERE `+where+` RETURNING id, kek_oldest, kek_gen`, []any{arg}, &id, &from, &to)
	if err != nil || !found {
		return false, err
	}
	err = tx.destroyVaultLater(tx.Now(), id, from, to)
	var left bool
	if err == nil {
		left, err = tx.clear(id, room)
	}
	if err == nil && left {
		_, err = tx.Exec(`INSERT INTO remains (vault_id) VALUES ($1)`, id)
	}
	for _, query := range []string{
		`DELETE FROM policies WHERE vault_id = $1`,
		`DELETE FROM approvals WHERE vault_id = $1`,
		`DELETE FROM secret_requests WHERE vault_id = $1`,
		`DELETE FROM vault_jobs WHERE vault_id = $1`,
		`DELETE FROM shares WHERE vault_id = $1`,
		`DELETE FROM secret_bindings WHERE vault_id = $1`,
		`DELETE FROM binding_setters WHERE vault_id = $1`,
		`DELETE FROM refreshes WHERE vault_id = $1`,
	} {
		if err == nil {
			_, err = tx.Exec(query, id)
		}
	}
	return true, err
}

// KeysToDestroy implements vault.Store.
func (db *DB) KeysToDestroy(ctx context.Context) ([]string, error) {
	var ids []string
	err := db.Each(ctx, `SELECT id FROM doomed_keys ORDER BY created_at`, nil, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// ForgetKey implements vault.Store.
func (db *DB) ForgetKey(ctx context.Context, id string) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`DELETE FROM doomed_keys WHERE id = $1`, id)
		return err
	})
}

func nullString(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
