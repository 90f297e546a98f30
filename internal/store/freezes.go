package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

const selectFreezes = `SELECT org_id, agent_id, by_id, managed, created_at FROM freezes WHERE org_id = $1 `

type freezeRow struct {
	f           freeze.Freeze
	managed, at int64
}

func (r *freezeRow) dest() []any { return []any{&r.f.Org, &r.f.Agent, &r.f.By, &r.managed, &r.at} }

func (r *freezeRow) freeze() freeze.Freeze {
	f := r.f
	f.Managed, f.At = r.managed != 0, fromMicros(r.at)
	return f
}

// AddFreeze implements freeze.Store. It ends rights: what was decided before is decided
// anew.
func (db *DB) AddFreeze(ctx context.Context, f freeze.Freeze, ev *audit.Event) (stands freeze.Freeze, err error) {
	err = db.Write(ctx, f.Org, func(tx Tx) error {
		if err := tx.alive(f.Org, f.By); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO freezes (org_id, agent_id, by_id, managed, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (org_id, agent_id) DO UPDATE SET managed = CASE WHEN freezes.managed = 1 THEN 1 ELSE excluded.managed END`,
			f.Org, f.Agent, f.By, number(f.Managed), micros(f.At))
		if err != nil {
			return err
		}
		var r freezeRow
		_, err = tx.Row(selectFreezes+`AND agent_id = $2`, []any{f.Org, f.Agent}, r.dest()...)
		stands = r.freeze()
		var e ending
		if err == nil { // what was approved before is not what people want now
			err = tx.endFrozen(&e, f.Org, f.Agent, f.By, f.At)
		}
		e.note(ev)
		tx.Record(ev)
		tx.Ended(f.Org)
		return err
	})
	return stands, err
}

// EndFreeze implements freeze.Store.
func (db *DB) EndFreeze(ctx context.Context, org, agent string, may func(freeze.Freeze) error, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		var r freezeRow
		found, err := tx.Row(selectFreezes+`AND agent_id = $2`, []any{org, agent}, r.dest()...)
		if err == nil && !found {
			err = tx.Refuse(freeze.ErrNone)
		}
		if err == nil {
			if refused := may(r.freeze()); refused != nil {
				err = tx.Refuse(refused)
			}
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM freezes WHERE org_id = $1 AND agent_id = $2`, org, agent)
		}
		tx.Record(ev)
		tx.Changed(org)
		return err
	})
}

// Freezes implements freeze.Store.
func (db *DB) Freezes(ctx context.Context, org string) (out []freeze.Freeze, err error) {
	err = db.Each(ctx, selectFreezes+`ORDER BY agent_id`, []any{org}, func(rows *sql.Rows) error {
		var r freezeRow
		err := rows.Scan(r.dest()...)
		out = append(out, r.freeze())
		return err
	})
	return out, err
}

// CreatorOf implements freeze.Store.
func (db *DB) CreatorOf(ctx context.Context, org, agent string) (creator string, err error) {
	found, err := db.Row(ctx, `SELECT created_by FROM agents WHERE id = $1 AND org_id = $2`, []any{agent, org}, &creator)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	return creator, err
}
