package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// liveRouter is a condition for rows of router_keys that still work at $1.
const liveRouter = `revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
	AND EXISTS (SELECT 1 FROM agents a WHERE a.id = router_keys.agent_id AND a.is_active = 1 AND a.token_gen = router_keys.gen)`

const selectRouterKeys = `SELECT id, org_id, agent_id, gen, name, key_hash, key_prefix, user_id, made_with, created_at, expires_at, revoked_at, last_used_at FROM router_keys `

type routerRow struct {
	k                      identity.RouterKey
	created                int64
	expires, revoked, used sql.NullInt64
}

func (r *routerRow) fields() []any {
	k := &r.k
	return []any{&k.ID, &k.Org, &k.Agent, &k.Gen, &k.Name, &k.Hash, &k.Prefix, &k.User, &k.With, &r.created, &r.expires, &r.revoked, &r.used}
}

func (r *routerRow) key() identity.RouterKey {
	k := r.k
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = fromMicros(r.created), fromNull(r.expires), fromNull(r.revoked), fromNull(r.used)
	return k
}

// RouterKeyByHash implements identity.PrincipalStore.
func (db *DB) RouterKeyByHash(ctx context.Context, hash string) (identity.RouterKey, error) {
	var r routerRow
	found, err := db.Row(ctx, selectRouterKeys+`WHERE key_hash = $1`, []any{hash}, r.fields()...)
	if err == nil && !found {
		err = agent.ErrNoRouterKey
	}
	return r.key(), err
}

// AddRouterKey implements agent.Store.
func (db *DB) AddRouterKey(ctx context.Context, k *identity.RouterKey, ev *audit.Event) error {
	return db.Write(ctx, k.Org, func(tx Tx) error {
		if err := tx.alive(k.Org, k.User); err != nil {
			return err
		}
		var active int64
		var has int
		found, err := tx.Row(`SELECT token_gen, is_active FROM agents WHERE id = $1 AND org_id = $2`, []any{k.Agent, k.Org}, &k.Gen, &active)
		if err == nil && !found {
			err = tx.Refuse(policy.ErrNoAgent)
		}
		if err == nil {
			_, err = tx.Row(`SELECT COUNT(*) FROM router_keys WHERE agent_id = $2 AND `+liveRouter, []any{micros(k.CreatedAt), k.Agent}, &has)
		}
		if err == nil {
			err = tx.Refuse(agent.RoomForRouterKey(active != 0, has))
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO router_keys (id, org_id, agent_id, gen, name, key_hash, key_prefix, user_id, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			k.ID, k.Org, k.Agent, k.Gen, k.Name, k.Hash, k.Prefix, k.User, micros(k.CreatedAt), nullMicros(k.ExpiresAt))
		if err == nil {
			err = tx.made("router_keys", k.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

// RouterKeys implements agent.Store.
func (db *DB) RouterKeys(ctx context.Context, agentID string) (out []identity.RouterKey, err error) {
	err = db.Each(ctx, selectRouterKeys+`WHERE agent_id = $1 ORDER BY created_at, id`, []any{agentID}, func(rows *sql.Rows) error {
		var r routerRow
		err := rows.Scan(r.fields()...)
		out = append(out, r.key())
		return err
	})
	return out, err
}

// RevokeRouterKey implements agent.Store.
func (db *DB) RevokeRouterKey(ctx context.Context, org, agentID, id string, at time.Time, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE router_keys SET revoked_at = $4 WHERE id = $1 AND agent_id = $2 AND org_id = $3 AND revoked_at IS NULL`, id, agentID, org, micros(at))
		if err == nil && n == 0 {
			err = tx.Refuse(agent.ErrNoRouterKey)
		}
		if err != nil {
			return err
		}
		tx.Record(ev)
		tx.Ended(org)
		return nil
	})
}
