package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// TakeToken implements identity.TokenStore.
func (db *DB) TakeToken(ctx context.Context, t identity.Taken, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx *Tx) error {
		if err := tx.alive(t.Org, t.User); err != nil {
			return err
		}
		_, err := tx.sweep(`DELETE FROM agent_tokens WHERE expires_at < $1`, longAgo(t.At))
		if err == nil {
			_, err = tx.exec(`INSERT INTO agent_tokens (id, org_id, agent_id, gen, user_id, made_with, created_at, expires_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, t.ID, t.Org, t.Agent, t.Gen, t.User, ev.With, micros(t.At), micros(t.Expires))
		}
		tx.record(ev)
		return err
	})
}

// liveToken is a condition for rows of agent_tokens whose token still works.
const liveToken = `expires_at > $1 AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.id = agent_tokens.id)
	AND EXISTS (SELECT 1 FROM agents a WHERE a.id = agent_tokens.agent_id AND a.is_active = 1 AND a.token_gen = agent_tokens.gen)`

// endTokens ends the tokens that humans took of agents where a condition holds,
// whose arguments begin with $2.
func (tx *Tx) endTokens(e *ending, at time.Time, where string, args ...any) error {
	return tx.count(&e.tokens, `INSERT INTO revoked_tokens (id, expires_at) SELECT id, expires_at FROM agent_tokens
		WHERE `+liveToken+` AND `+where+` ON CONFLICT (id) DO NOTHING`, append([]any{micros(at)}, args...)...)
}
