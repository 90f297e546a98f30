package store

import (
	"database/sql"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// open is a condition for what an approval may still be made of: a request that
// waits, or an approval that is not used up.
const open = `(status = 'pending' OR status = 'approved' AND uses_left > 0)`

// endBeyond ends for good the approvals, requests and shares of an agent for what a
// change took from it, so that they do not count again when the right comes back. An
// end that passed took everything, though nothing told; to hide keys may have taken
// any approval, since that does not know the secret's type.
func (tx Tx) endBeyond(e *ending, was, is *agent.Agent, ev *audit.Event) error {
	by, at := "", tx.ByClock()
	if ev != nil {
		by, at = ev.ActorID, ev.At
	}
	lapsed := !was.ExpiresAt.IsZero() && !at.Before(was.ExpiresAt)
	all := func(string, string) bool { return true }
	if lapsed || is.Intents && !was.Intents {
		if err := tx.endOpen(e, is.ID, by, at, all); err != nil {
			return err
		}
	}
	if lapsed {
		return tx.endSharesOf(e, is.ID, at, all)
	}
	if slices.Equal(was.VaultIDs, is.VaultIDs) && slices.Equal(was.Scopes, is.Scopes) {
		return nil
	}
	now := policy.Principal{Vaults: is.VaultIDs, Scopes: is.Scopes}
	beyond := func(vault, path string) bool { return !now.Covers(vault, path) }
	if err := tx.endOpen(e, is.ID, by, at, beyond); err != nil {
		return err
	}
	return tx.endSharesOf(e, is.ID, at, beyond)
}

// endSharesOf ends the shares that an agent made for which a condition holds.
func (tx Tx) endSharesOf(e *ending, agent string, at time.Time, which func(vault, path string) bool) error {
	ids, err := tx.those(`SELECT id, vault_id, path FROM shares WHERE maker_id = $1 AND maker_type = 'agent' AND revoked_at IS NULL AND expires_at > $2`, agent, at, which)
	for _, id := range ids {
		if err == nil {
			err = tx.count(&e.shares, `UPDATE shares SET revoked_at = $2 WHERE id = $1`, id, micros(at))
		}
	}
	return err
}

// those are the rows of an agent for whose vault and path a condition holds.
func (tx Tx) those(query, agent string, at time.Time, which func(vault, path string) bool) (ids []string, err error) {
	err = tx.Each(query, []any{agent, micros(at)}, func(rows *sql.Rows) error {
		var id, vault, path string
		err := rows.Scan(&id, &vault, &path)
		if which(vault, path) {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

// endOpen ends the open approvals of an agent for which a condition holds.
func (tx Tx) endOpen(e *ending, agent, by string, at time.Time, which func(vault, path string) bool) error {
	ids, err := tx.those(`SELECT id, vault_id, path FROM approvals WHERE requester_id = $1 AND expires_at > $2 AND `+open, agent, at, which)
	for _, id := range ids {
		if err == nil {
			err = tx.count(&e.approvals, `UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = $2, withdrawn_at = $3,
				notify_at = NULL, mail_at = NULL WHERE id = $1`, id, by, micros(at))
		}
	}
	return err
}
