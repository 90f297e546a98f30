package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// RefreshRoot implements broker.Store.
func (db *DB) RefreshRoot(ctx context.Context, vaultID, path string, version uint64) (root uint64, err error) {
	found, err := db.Row(ctx, `SELECT root FROM refreshes WHERE vault_id = $1 AND path = $2 AND version = $3`, []any{vaultID, path, int64(version)}, &root)
	if err == nil && !found {
		root = version
	}
	return root, err
}

// HoldRefresh implements broker.Store.
func (db *DB) HoldRefresh(ctx context.Context, r *broker.Refresh, now time.Time) (replaces bool, err error) {
	err = db.Write(ctx, r.Org, func(tx Tx) error {
		if err := tx.refreshable(r, now); err != nil {
			return err
		}
		var version, until int64
		found, err := tx.Row(`SELECT version, held_until FROM refreshes WHERE vault_id = $1 AND path = $2`, []any{r.Vault, r.Path}, &version, &until)
		if err == nil && found && now.Before(fromMicros(until)) {
			err = tx.Refuse(broker.ErrHeld)
		}
		if err != nil {
			return err
		}
		replaces = version > 0
		_, err = tx.Exec(`INSERT INTO refreshes (vault_id, path, org_id, version, root, holder, held_until) VALUES ($1, $2, $3, 0, 0, $4, $5)
			ON CONFLICT (vault_id, path) DO UPDATE SET holder = $4, held_until = $5`, r.Vault, r.Path, r.Org, r.Holder, micros(now.Add(broker.Hold)))
		return err
	})
	return replaces, err
}

// refreshable refuses a refresh of what is not the newest version any more, or not there.
func (tx Tx) refreshable(r *broker.Refresh, now time.Time) error {
	var version uint64
	var deleted, gone, expires sql.NullInt64
	found, err := tx.Row(`SELECT s.version, s.deleted_at, v.deleted_at, s.expires_at FROM secrets s JOIN secret_versions v ON v.vault_id = s.vault_id AND v.path = s.path AND v.version = s.version
		WHERE s.vault_id = $1 AND s.path = $2`, []any{r.Vault, r.Path}, &version, &deleted, &gone, &expires)
	switch {
	case err != nil:
		return err
	case !found, deleted.Valid, gone.Valid, expires.Valid && !now.Before(fromNull(expires)):
		return tx.Refuse(vault.ErrGone)
	case version != r.Version:
		return tx.Refuse(mint.ErrMoved)
	}
	return nil
}

// FreeRefresh implements broker.Store.
func (db *DB) FreeRefresh(ctx context.Context, r *broker.Refresh) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE refreshes SET holder = '', held_until = 0 WHERE vault_id = $1 AND path = $2 AND holder = $3`, r.Vault, r.Path, r.Holder)
		return err
	})
}

// KeepRefreshed implements broker.Store.
func (db *DB) KeepRefreshed(ctx context.Context, r *broker.Refresh, sealed *vault.Version, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		err := tx.refreshable(r, now)
		if err == nil {
			err = tx.bound(&r.Rests)
		}
		if err != nil {
			return err
		}
		v := *sealed
		var most, had int64
		if _, err := tx.Row(`SELECT max_access_count, access_count FROM secret_versions WHERE vault_id = $1 AND path = $2 AND version = $3`,
			[]any{r.Vault, r.Path, int64(r.Version)}, &most, &had); err != nil {
			return err
		}
		if most > 0 {
			if v.MaxAccess = most - had; v.MaxAccess < 1 {
				return tx.Refuse(vault.ErrLast)
			}
		}
		n, err := tx.Exec(putCurrent(&v).Query, putCurrent(&v).Args...)
		if err == nil && n == 0 {
			err = tx.Refuse(tx.staleOrNoVault(v.Vault))
		}
		if err == nil {
			err = tx.store(&v)
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE refreshes SET version = $3, root = CASE WHEN version = $4 THEN root ELSE $4 END, holder = '', held_until = 0 WHERE vault_id = $1 AND path = $2`,
				r.Vault, r.Path, int64(v.Meta.Version), int64(r.Version))
		}
		tx.Record(ev)
		return err
	})
}

// bound refuses what rests on a binding that is not as it was.
func (tx Tx) bound(r *broker.Rests) error {
	if r.Entry == nil {
		var one int
		found, err := tx.Row(`SELECT 1 FROM agent_bindings WHERE id = $1 AND revision = $2 AND set_by = $3`, []any{r.Binding, r.Revision, r.SetBy}, &one)
		if err == nil && !found {
			err = tx.Refuse(mint.ErrNotKept)
		}
		return err
	}
	wanted, err := entriesOf(&broker.Bound{List: []binding.Binding{*r.Entry}})
	if err != nil {
		return err
	}
	_, entries, err := tx.boundAt(`id = $1`, r.Binding)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.text == wanted[0].text && e.by == r.SetBy {
			return nil
		}
	}
	return tx.Refuse(mint.ErrNotKept)
}
