package store

import (
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// open is a condition for what an approval may still be made of: a request that
// waits, or an approval that is not used up.
const open = `(status = 'pending' OR status = 'approved' AND uses_left > 0)`

// endTakenBy ends the approvals, requests and shares of an agent that a change took.
func (tx Tx) endTakenBy(e *ending, c agent.Change, ev *audit.Event) error {
	by, at := "", tx.ByClock()
	if ev != nil {
		by, at = ev.ActorID, ev.At
	}
	approvals, shares := c.Takes(at)
	if approvals != nil {
		if err := tx.endOpen(e, c.Is.ID, by, at, approvals); err != nil {
			return err
		}
	}
	if left := c.TakesRequests(at); left != nil {
		if err := tx.endWantedOf(e, c.Is.ID, at, left); err != nil {
			return err
		}
	}
	if c.EndsSignatures() {
		if err := tx.endSignatures(e, c.Is.Org, c.Is.ID, by, at); err != nil {
			return err
		}
	}
	if shares == nil {
		return nil
	}
	return tx.endSharesOf(e, c.Is.ID, at, shares)
}

// endSharesOf ends the shares that an agent made for which a condition holds.
func (tx Tx) endSharesOf(e *ending, maker string, at time.Time, which agent.Places) error {
	ids, err := tx.those(`SELECT id, vault_id, path FROM shares WHERE maker_id = $1 AND maker_type = 'agent' AND revoked_at IS NULL AND expires_at > $2`, maker, at, which)
	for _, id := range ids {
		if err == nil {
			err = tx.count(&e.shares, `UPDATE shares SET revoked_at = $2 WHERE id = $1`, id, micros(at))
		}
	}
	return err
}

// those are the rows of an agent for whose vault and path a condition holds.
func (tx Tx) those(query, of string, at time.Time, which agent.Places) (ids []string, err error) {
	err = tx.Each(query, []any{of, micros(at)}, func(rows *sql.Rows) error {
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
func (tx Tx) endOpen(e *ending, requester, by string, at time.Time, which agent.Places) error {
	ids, err := tx.those(`SELECT id, vault_id, path FROM approvals WHERE requester_id = $1 AND expires_at > $2 AND `+open, requester, at, which)
	for _, id := range ids {
		if err == nil {
			err = tx.count(&e.approvals, `UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = $2, withdrawn_at = $3,
				notify_at = NULL, mail_at = NULL WHERE id = $1`, id, by, micros(at))
		}
	}
	return err
}

// endSignatures ends the open approvals of an agent's transactions and messages, whoever asked;
// without an agent those of all.
func (tx Tx) endSignatures(e *ending, org, agent, by string, at time.Time) error {
	return tx.endWhere(e, by, at, `org_id = $3 AND substr(path, 1, 7) = 'agents/' AND substr(path, 44, 14) = '/transactions/' AND ($4 = '' OR substr(path, 8, 36) = $4)`, org, agent)
}

// endFrozen ends all open approvals of an agent that is frozen, and of its signatures, and its requests for secrets; without an
// agent those of all agents.
func (tx Tx) endFrozen(e *ending, org, agent, by string, at time.Time) error {
	err := tx.endWhere(e, by, at, `org_id = $3 AND requester_kind = 'agent' AND ($4 = '' OR requester_id = $4)`, org, agent)
	if err == nil {
		err = tx.endSignatures(e, org, agent, by, at)
	}
	if err == nil {
		err = tx.endWanted(e, at, wanted.ByFreeze, `org_id = $2 AND ($3 = '' OR agent_id = $3)`, org, agent)
	}
	return err
}

func (tx Tx) endWhere(e *ending, by string, at time.Time, where, org, agent string) error {
	return tx.count(&e.approvals, `UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = $1, withdrawn_at = $2, notify_at = NULL, mail_at = NULL
		WHERE expires_at > $2 AND `+open+` AND `+where, by, micros(at), org, agent)
}
