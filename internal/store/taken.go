package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// TakeToken implements identity.TokenStore.
func (db *DB) TakeToken(ctx context.Context, t identity.Taken, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		if err := tx.alive(t.Org, t.User); err != nil {
			return err
		}
		_, err := tx.Sweep(`DELETE FROM agent_tokens WHERE expires_at < $1`, sqldb.LongAgo(t.At))
		if err == nil {
			_, err = tx.Exec(`INSERT INTO agent_tokens (id, org_id, agent_id, gen, user_id, made_with, created_at, expires_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, t.ID, t.Org, t.Agent, t.Gen, t.User, ev.With, micros(t.At), micros(t.Expires))
		}
		tx.Record(ev)
		return err
	})
}

// liveToken is a condition for rows of agent_tokens whose token still works.
const liveToken = `expires_at > $1 AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.id = agent_tokens.id)
	AND EXISTS (SELECT 1 FROM agents a WHERE a.id = agent_tokens.agent_id AND a.is_active = 1 AND a.token_gen = agent_tokens.gen)`

// endTokens ends the tokens that humans took of agents, and the router keys that they made
// for them, where a condition holds, whose arguments begin with $2.
func (tx Tx) endTokens(e *ending, at time.Time, where string, args ...any) error {
	all := append([]any{micros(at)}, args...)
	err := tx.count(&e.tokens, `INSERT INTO revoked_tokens (id, expires_at) SELECT id, expires_at FROM agent_tokens
		WHERE `+liveToken+` AND `+where+` ON CONFLICT (id) DO NOTHING`, all...)
	if err != nil {
		return err
	}
	return tx.count(&e.routers, `UPDATE router_keys SET revoked_at = $1 WHERE `+liveRouter+` AND `+where, all...)
}

// endTaken ends the tokens of a condition that somebody took of agents, and the shares
// and policies that others' agents made with such tokens: those made with a login or a
// key of the human. Tokens that have expired are forgotten, so it does not ask for them.
func (tx Tx) endTaken(e *ending, org, user, which string, at time.Time) error {
	err := tx.endTokens(e, at, `user_id = $2 AND org_id = $3`+which, user, org)
	const theirs = `NOT IN (SELECT id FROM agents WHERE created_by = $1 AND org_id = $2)
		AND made_with IN (SELECT 'session:' || id FROM sessions WHERE user_id = $1 UNION ALL SELECT 'key:' || id FROM user_keys WHERE user_id = $1)`
	if err == nil {
		err = tx.count(&e.shares, `UPDATE shares SET revoked_at = $3 WHERE revoked_at IS NULL AND org_id = $2
			AND maker_type = 'agent' AND maker_id `+theirs, user, org, micros(at))
	}
	if err == nil {
		err = tx.endPolicies(e, `vault_id IN (SELECT id FROM vaults WHERE org_id = $2)
			AND created_by_type = 'agent' AND created_by `+theirs, user, org)
	}
	if err == nil {
		err = tx.endPolicies(e, `id IN (SELECT subject_id FROM widenings WHERE kind = 'policy' AND org_id = $2
			AND by_id IN (SELECT id FROM agents WHERE org_id = $2) AND by_id `+theirs+`)`, user, org)
	}
	return err
}

// madeNothing is a condition for sessions that nothing names which an agent made:
// endTaken asks whose session it was.
const madeNothing = ` AND NOT EXISTS (SELECT 1 FROM shares h WHERE h.made_with = 'session:' || sessions.id AND h.maker_type = 'agent' AND h.revoked_at IS NULL)
	AND NOT EXISTS (SELECT 1 FROM policies p WHERE p.made_with = 'session:' || sessions.id AND p.created_by_type = 'agent')
	AND NOT EXISTS (SELECT 1 FROM widenings w WHERE w.made_with = 'session:' || sessions.id AND w.by_id <> sessions.user_id)`
