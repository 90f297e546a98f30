package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var errNoGrant = fault.New(fault.NotFound, "policy_not_found", "There is no policy with this id on this vault.")

// AddGrant implements vault.Store.
func (db *DB) AddGrant(ctx context.Context, org string, g vault.Grant, ev *audit.Event) error {
	perms, err := json.Marshal(g.Permissions)
	if err != nil {
		return err
	}
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(g.PrincipalID, g.CreatedBy); err != nil {
			return err
		}
		if err := tx.endUncovered(&ending{}, org, g.Vault, g.PrincipalKind, g.PrincipalID, g.CreatedAt); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO policies (id, vault_id, secret_path_pattern, principal_type, principal_id, permissions,
				conditions, expires_at, created_by, created_by_type, created_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE EXISTS (SELECT 1 FROM vaults WHERE id = $2)`,
			g.ID, g.Vault, g.Pattern, string(g.PrincipalKind), g.PrincipalID, string(perms), string(g.Conditions),
			nullMicros(g.ExpiresAt), g.CreatedBy, string(g.CreatedByKind), micros(g.CreatedAt))
		if err == nil && n == 0 {
			return errNoVault // shares may have ended: the batch is undone
		}
		if err == nil {
			err = tx.made("policies", g.ID, ev)
		}
		tx.Record(ev)
		tx.Changed(org)
		return err
	})
}

// Grants implements vault.Store.
func (db *DB) Grants(ctx context.Context, vaultID string) ([]vault.Grant, error) {
	var out []vault.Grant
	err := db.Each(ctx, `SELECT id, vault_id, secret_path_pattern, principal_type, principal_id, permissions, conditions,
		expires_at, created_by, created_by_type, created_at, revision FROM policies WHERE vault_id = $1 ORDER BY created_at, id`,
		[]any{vaultID}, func(rows *sql.Rows) error {
			var g vault.Grant
			var perms []byte
			var expires sql.NullInt64
			var created int64
			if err := rows.Scan(&g.ID, &g.Vault, &g.Pattern, &g.PrincipalKind, &g.PrincipalID, &perms, &g.Conditions,
				&expires, &g.CreatedBy, &g.CreatedByKind, &created, &g.Revision); err != nil {
				return err
			}
			g.ExpiresAt, g.CreatedAt = fromNull(expires), fromMicros(created)
			out = append(out, g)
			return sqldb.Parsed(json.Unmarshal(perms, &out[len(out)-1].Permissions))
		})
	return out, err
}

// UpdateGrant implements vault.Store. The revision makes an edit that was taken
// back another policy all the same.
func (db *DB) UpdateGrant(ctx context.Context, org string, was, g vault.Grant, widens bool, ev *audit.Event) error {
	perms, err := json.Marshal(g.Permissions)
	if err != nil {
		return err
	}
	old, err := json.Marshal(was.Permissions)
	if err != nil {
		return err
	}
	return db.Write(ctx, org, func(tx Tx) error {
		at := tx.ByClock()
		var e ending
		if err := tx.endUncovered(&e, org, g.Vault, was.PrincipalKind, was.PrincipalID, at); err != nil { // by what has expired
			return err
		}
		n, err := tx.Exec(`UPDATE policies SET permissions = $3, conditions = $4, expires_at = $5, revision = revision + 1
			WHERE id = $1 AND vault_id = $2 AND permissions = $6 AND conditions = $7 AND expires_at IS NOT DISTINCT FROM $8 AND revision = $9`,
			g.ID, g.Vault, string(perms), string(g.Conditions), nullMicros(g.ExpiresAt),
			string(old), string(was.Conditions), nullMicros(was.ExpiresAt), was.Revision)
		if err != nil {
			return err
		}
		if n == 0 {
			return tx.staleOrNoGrant(g.ID, g.Vault) // as above
		}
		err = tx.endUncovered(&e, org, g.Vault, was.PrincipalKind, was.PrincipalID, at)
		if err == nil && widens {
			err = tx.widened(widePolicy, g.ID, org, false, ev)
		}
		e.note(ev)
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
}

// staleOrNoGrant says why a change did not fit. Only the first is worth another
// try.
func (tx Tx) staleOrNoGrant(id, vaultID string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM policies WHERE id = $1 AND vault_id = $2`, []any{id, vaultID}, &one)
	switch {
	case err != nil:
		return err
	case !found:
		return errNoGrant
	}
	return vault.ErrStale
}

// RemoveGrant implements vault.Store.
func (db *DB) RemoveGrant(ctx context.Context, org, vaultID, id string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		var kind policy.PrincipalKind
		var principal string
		found, err := tx.Row(`DELETE FROM policies WHERE id = $1 AND vault_id = $2 RETURNING principal_type, principal_id`,
			[]any{id, vaultID}, &kind, &principal)
		if err == nil && !found {
			return tx.Refuse(errNoGrant)
		}
		tx.Wrote()
		var e ending
		if err == nil {
			err = tx.endUncovered(&e, org, vaultID, kind, principal, tx.ByClock())
		}
		e.note(ev)
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
}
