package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var (
	errTokenSpent = fault.New(fault.Conflict, "token_spent", "The token was used already.")
	errLinked     = fault.New(fault.Conflict, "identity_linked", "The identity belongs to another account.")
)

// SpendToken implements account.ProviderStore. The primary key lets one of many
// win, on whatever nodes they are. Tokens that ended long ago are forgotten on
// the way.
func (db *DB) SpendToken(ctx context.Context, hash string, until, now time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		n, err := tx.Exec(`INSERT INTO spent_tokens (token_hash, expires_at) VALUES ($1, $2) ON CONFLICT (token_hash) DO NOTHING`,
			hash, micros(until))
		if err == nil && n == 0 {
			return tx.Refuse(errTokenSpent)
		}
		if err == nil {
			_, err = tx.Sweep(`DELETE FROM spent_tokens WHERE expires_at < $1`, sqldb.LongAgo(now))
		}
		return err
	})
}

// AccountByLink implements account.ProviderStore.
func (db *DB) AccountByLink(ctx context.Context, issuer, subject string) (identity.Account, error) {
	return db.atHome(ctx, `JOIN provider_accounts p ON p.user_id = u.id
		WHERE p.issuer = $1 AND p.subject = $2`, issuer, subject)
}

const linkedAt = `SELECT 1 FROM provider_accounts WHERE user_id = $1 AND issuer = $2 LIMIT 1`

// LinkedAt implements account.ProviderStore.
func (db *DB) LinkedAt(ctx context.Context, issuer, user string) (bool, error) {
	var one int
	return db.Row(ctx, linkedAt, []any{user, issuer}, &one)
}

// LinkAccount implements account.ProviderStore. The user's row is held, so that
// of two identities that come at once one is linked.
func (db *DB) LinkAccount(ctx context.Context, org string, l account.Link, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(l.User); err != nil {
			return err
		}
		// This changes nothing and holds the row.
		if _, err := tx.Exec(`UPDATE users SET email_verified = email_verified WHERE id = $1`, l.User); err != nil {
			return err
		}
		var one int
		other, err := tx.Row(linkedAt, []any{l.User, l.Issuer}, &one)
		if err != nil {
			return err
		}
		if other {
			return tx.Refuse(errLinked)
		}
		if err := tx.link(&l); err != nil {
			return err
		}
		tx.Record(ev)
		return nil
	})
}

// AddLinkedUser implements account.ProviderStore.
func (db *DB) AddLinkedUser(ctx context.Context, a identity.Account, orgName string, l account.Link, ev *audit.Event) error {
	return db.Write(ctx, a.Org, func(tx Tx) error {
		err := tx.link(&l)
		if err == nil {
			err = tx.addUser(&a, orgName)
		}
		if err == nil {
			tx.Record(ev)
		}
		return err
	})
}

// link comes first in its transaction: when the identity is another's nothing
// was written. One whose account is gone is free.
func (tx Tx) link(l *account.Link) error {
	n, err := tx.Exec(`INSERT INTO provider_accounts (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (issuer, subject) DO UPDATE SET user_id = excluded.user_id, created_at = excluded.created_at
		WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = provider_accounts.user_id)`,
		l.Issuer, l.Subject, l.User, micros(l.CreatedAt))
	if err == nil && n == 0 {
		return tx.Refuse(errLinked)
	}
	return err
}

// AgentByID implements agent.Store.
func (db *DB) AgentByID(ctx context.Context, id string) (agent.Agent, error) {
	list, err := db.agents(ctx, `WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return agent.Agent{}, err
	}
	return list[0], nil
}

// AgentsOfClients implements agent.Store.
func (db *DB) AgentsOfClients(ctx context.Context, issuer string, clients [3]string, most int) ([]agent.Agent, error) {
	return db.agents(ctx, `WHERE oidc_issuer = $1 AND oidc_client_id IN ($2, $3, $4) AND auth_method = $5
		ORDER BY is_active DESC, created_at DESC, id LIMIT $6`,
		issuer, clients[0], clients[1], clients[2], agent.MethodOIDC, most)
}

func (db *DB) agents(ctx context.Context, where string, args ...any) ([]agent.Agent, error) {
	var out []agent.Agent
	err := db.Each(ctx, selectAgents+where, args, func(rows *sql.Rows) error {
		var r agentRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		a, err := r.agent()
		out = append(out, a)
		return err
	})
	return out, err
}
