package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// Revoke implements identity.TokenStore. Tokens that expired by themselves
// long ago are forgotten on the way.
func (db *DB) Revoke(ctx context.Context, org, id string, until, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		err := tx.SweepLast(`DELETE FROM revoked_tokens WHERE expires_at < $1`, sqldb.LongAgo(now))
		if err == nil {
			err = tx.Last(commit.Stmt{Query: `INSERT INTO revoked_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
				Args: []any{id, micros(until)}})
		}
		tx.Record(ev)
		tx.Revoked(org, id)
		return err
	})
}

// Revoked implements identity.TokenStore.
func (db *DB) Revoked(ctx context.Context, id string) (bool, error) {
	var one int
	return db.Row(ctx, `SELECT 1 FROM revoked_tokens WHERE id = $1`, []any{id}, &one)
}

// NoteUse implements identity.PrincipalStore. A time never moves back: another node
// may have written a later one.
func (db *DB) NoteUse(ctx context.Context, agents, keys, sessions, routers map[string]time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		for _, t := range []struct {
			query string
			used  map[string]time.Time
		}{
			{`UPDATE agents SET last_active_at = $2 WHERE id = $1 AND COALESCE(last_active_at, 0) < $2`, agents},
			{`UPDATE user_keys SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $2`, keys},
			{`UPDATE sessions SET seen_at = $2 WHERE id = $1 AND COALESCE(seen_at, 0) < $2`, sessions},
			{`UPDATE router_keys SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $2`, routers},
		} {
			for id, at := range t.used {
				if _, err := tx.Exec(t.query, id, micros(at)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
