package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

const selectSigningKeys = `SELECT id, org_id, agent_id, chain, key_id, address, public_key, version, is_active, created_by, created_at, rotated_at
	FROM signing_keys WHERE agent_id = $1 `

type signingKeyRow struct {
	k               signingkey.Key
	address         string
	active, created int64
	rotated         sql.NullInt64
}

func (r *signingKeyRow) dest() []any {
	k := &r.k
	return []any{&k.ID, &k.Org, &k.Agent, &k.Chain, &k.Stored, &r.address, &k.PublicKey, &k.Version, &r.active, &k.CreatedBy, &r.created, &r.rotated}
}

func (r *signingKeyRow) key() (k signingkey.Key, err error) {
	k = r.k
	k.Active, k.CreatedAt, k.RotatedAt = r.active != 0, fromMicros(r.created), fromNull(r.rotated)
	k.Address, err = evm.ParseAddress(r.address)
	return k, sqldb.Parsed(err)
}

// SigningKeys implements signingkey.Store.
func (db *DB) SigningKeys(ctx context.Context, agent string) (out []signingkey.Key, err error) {
	err = db.Each(ctx, selectSigningKeys+`ORDER BY version DESC`, []any{agent}, func(rows *sql.Rows) error {
		var r signingKeyRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		k, err := r.key()
		out = append(out, k)
		return err
	})
	return out, err
}

// PutSigningKey implements signingkey.Store.
func (db *DB) PutSigningKey(ctx context.Context, k *signingkey.Key, replaces bool, ev *audit.Event) error {
	return db.Write(ctx, k.Org, func(tx Tx) error {
		if err := tx.alive(k.Org, k.CreatedBy); err != nil {
			return err
		}
		var last, active int64
		if _, err := tx.Row(`SELECT COALESCE(MAX(version), 0), COALESCE(MAX(is_active), 0) FROM signing_keys WHERE agent_id = $1`, []any{k.Agent}, &last, &active); err != nil {
			return err
		}
		switch {
		case active != 0 && !replaces:
			return tx.Refuse(signingkey.ErrThere)
		case active == 0 && replaces:
			return tx.Refuse(signingkey.ErrNone)
		}
		k.Version = last + 1
		if err := tx.stopSigningKey(k.Agent, k.CreatedAt); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO signing_keys (id, org_id, agent_id, chain, key_id, address, public_key, version, is_active, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10)`,
			k.ID, k.Org, k.Agent, k.Chain, k.Stored, k.Address.String(), k.PublicKey, k.Version, k.CreatedBy, micros(k.CreatedAt))
		tx.Record(ev)
		tx.Ended(k.Org) // what is decided with the old key is decided anew
		return err
	})
}

func (tx Tx) stopSigningKey(agent string, at time.Time) error {
	_, err := tx.Exec(`UPDATE signing_keys SET is_active = 0, rotated_at = $2 WHERE agent_id = $1 AND is_active = 1`, agent, micros(at))
	return err
}

// UseSigningKey implements signingkey.Store.
func (db *DB) UseSigningKey(ctx context.Context, org, agent string, version int64, at time.Time, revive func() error, ev *audit.Event) (k signingkey.Key, err error) {
	err = db.Write(ctx, org, func(tx Tx) error {
		var r signingKeyRow
		found, err := tx.Row(selectSigningKeys+`AND org_id = $2 AND version = $3`, []any{agent, org, version}, r.dest()...)
		if err == nil && !found {
			err = tx.Refuse(signingkey.ErrNone)
		}
		if err != nil {
			return err
		}
		var one int
		deleted, err := tx.Row(`SELECT 1 FROM signing_keys WHERE id = $1 AND deleted = 1`, []any{r.k.ID}, &one)
		if err == nil && deleted {
			if err := revive(); err != nil {
				return tx.Refuse(err)
			}
		}
		if err == nil {
			err = tx.stopSigningKey(agent, at)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE signing_keys SET is_active = 1, rotated_at = NULL, deleted = 0 WHERE id = $1`, r.k.ID); err != nil {
			return err
		}
		k, err = r.key()
		k.Active, k.RotatedAt = true, time.Time{}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
	return k, err
}

// StopSigningKey implements signingkey.Store.
func (db *DB) StopSigningKey(ctx context.Context, org, agent string, at time.Time, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE signing_keys SET is_active = 0, rotated_at = $3, deleted = 1 WHERE agent_id = $1 AND org_id = $2 AND is_active = 1`, agent, org, micros(at))
		if err == nil && n == 0 {
			return tx.Refuse(signingkey.ErrNone)
		}
		if err == nil { // whoever deletes a key wants nothing of the agent's to be sent
			_, err = tx.Exec(`UPDATE signing_keys SET deleted = 1 WHERE agent_id = $1 AND org_id = $2`, agent, org)
		}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
}
