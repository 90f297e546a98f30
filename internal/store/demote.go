package store

import (
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// ownVaults are the vaults whose policies somebody sets as a member: those that it,
// or an agent of its own, made.
const ownVaults = `SELECT id FROM vaults WHERE org_id = $2 AND (created_by_type = 'user' AND created_by = $1 AND creator_left = 0
	OR created_by_type = 'agent' AND creator_human = $1)`

// endManaging ends what somebody keeps from managing an organisation who becomes a
// member: webhooks, which a member may not set; tokens taken of others' agents, with
// what was made with them; agents that it inherited, which become the successor's; keys given
// to others' agents; bindings of secrets in others' vaults; and policies there for itself or its
// own agents. What it made for others is the organisation's.
func (tx Tx) endManaging(org, user, successor string, at time.Time) (ending, error) {
	var e ending
	err := tx.endWebhooks(&e, org, user)
	if err == nil {
		err = tx.endTaken(&e, org, user, ` AND agent_id NOT IN (SELECT id FROM agents WHERE created_by = $2 AND org_id = $3 AND inherited = 0)`, at)
	}
	if err == nil {
		err = tx.endInherited(&e, org, user, successor, at)
	}
	if err == nil {
		err = tx.endKeysGiven(&e, at, keysOfOthers, user, org)
	}
	if err == nil {
		err = tx.endPolicies(&e, `created_by = $1 AND created_by_type = 'user' AND `+forItself+`
			AND vault_id IN (SELECT id FROM vaults WHERE org_id = $2) AND vault_id NOT IN (`+ownVaults+`)`, user, org)
	}
	if err == nil { // what it only let do more
		err = tx.endPolicies(&e, `id IN (SELECT subject_id FROM widenings WHERE by_id = $1 AND org_id = $2 AND kind = 'policy')
			AND `+forItself+` AND vault_id NOT IN (`+ownVaults+`)`, user, org)
	}
	if err == nil {
		err = tx.stopAgents(&e, org, `id IN (SELECT subject_id FROM widenings WHERE by_id = $1 AND org_id = $2 AND kind = 'agent' AND held = 1)
			AND created_by = $1 AND org_id = $2`, at, user, org)
	}
	if err == nil {
		err = tx.unbindAgents(&e, org, user, at)
	}
	if err == nil { // where secrets of others' vaults go
		err = tx.endBindings(&e.bindings, `set_by = $1 AND org_id = $2 AND vault_id NOT IN (`+ownVaults+`)`, user, org)
	}
	if err == nil { // of agents that are not its own
		err = tx.dropAgentBindings(&e.services, `set_by = $1 AND org_id = $2 AND agent_id NOT IN (SELECT id FROM agents WHERE created_by = $1 AND org_id = $2)`, user, org)
	}
	return e, err
}

// unbindAgents takes from somebody's agents the bindings to vaults that neither it nor
// the agent may see any more.
func (tx Tx) unbindAgents(e *ending, org, user string, at time.Time) error {
	var ids, bound []string
	err := tx.Each(`SELECT id, vault_ids FROM agents WHERE created_by = $1 AND org_id = $2 AND vault_ids <> '[]'`, []any{user, org}, func(rows *sql.Rows) error {
		var id, list string
		err := rows.Scan(&id, &list)
		ids, bound = append(ids, id), append(bound, list)
		return err
	})
	for i, id := range ids {
		var had, seen []string
		if err == nil {
			err = readList(bound[i], &had)
		}
		if err == nil {
			seen, _, err = tx.children(`SELECT id, 1 FROM vaults WHERE id IN (`+ownVaults+`) OR org_id = $2 AND EXISTS (SELECT 1 FROM policies p
				WHERE p.vault_id = vaults.id AND (p.principal_type = 'user' AND p.principal_id = $1 OR p.principal_type = 'agent' AND p.principal_id = $3))`, user, org, id)
		}
		left, stops := agent.Unbind(had, seen)
		switch {
		case err != nil:
			return err
		case stops:
			err = tx.stopAgents(e, org, `id = $1`, at, id)
		case len(left) < len(had):
			_, err = tx.Exec(`UPDATE agents SET vault_ids = $2 WHERE id = $1`, id, listText(left))
		}
	}
	return err
}

// forItself is a condition for policies that name somebody or one of its agents.
const forItself = `(principal_type = 'user' AND principal_id = $1
	OR principal_type = 'agent' AND principal_id IN (SELECT id FROM agents WHERE created_by = $1 AND org_id = $2))`

// endInherited passes on the agents that somebody came by, with their vaults, shares and
// requests. An agent that it made itself stays its own.
func (tx Tx) endInherited(e *ending, org, user, successor string, at time.Time) error {
	const those = `(SELECT id FROM agents WHERE org_id = $1 AND created_by = $2 AND inherited = 1)`
	for _, s := range []commit.Stmt{
		stmt(`UPDATE vaults SET creator_human = '' WHERE org_id = $1 AND creator_human = $2 AND created_by IN `+those, org, user),
		stmt(`UPDATE shares SET maker_human = $3 WHERE org_id = $1 AND maker_human = $2 AND maker_id IN `+those, org, user, successor),
		stmt(`UPDATE approvals SET requester_human = $3 WHERE org_id = $1 AND requester_human = $2 AND requester_id IN `+those, org, user, successor),
	} {
		if _, err := tx.Exec(s.Query, s.Args...); err != nil {
			return err
		}
	}
	return tx.passOn(e, org, user, successor, ` AND inherited = 1`, at)
}

// passOn stops the agents of somebody for which a condition holds, forgets their keys
// and ends what they made. They become the successor's, who is known not to have made them.
func (tx Tx) passOn(e *ending, org, user, successor, which string, at time.Time) error {
	agents, live, err := tx.children(`SELECT id, is_active FROM agents WHERE org_id = $1 AND created_by = $2`+which, org, user)
	for i, id := range agents {
		if live[i] {
			e.agents = append(e.agents, id)
		}
		if err == nil {
			err = tx.endMadeBy(e, org, id, at)
		}
	}
	if err == nil {
		_, err = tx.Exec(`UPDATE agents SET created_by = $3, inherited = 1, is_active = 0, key_hash = NULL, key_prefix = '', token_gen = token_gen + 1
			WHERE org_id = $1 AND created_by = $2`+which, org, user, successor)
	}
	return err
}

// endWebhooks ends the webhooks that somebody set, or let do more, who may not set one
// any more: it is told of nothing by them.
func (tx Tx) endWebhooks(e *ending, org, user string) error {
	err := tx.count(&e.webhooks, `DELETE FROM approval_webhooks WHERE org_id = $1 AND created_by = $2`, org, user)
	if err == nil {
		err = tx.count(&e.webhooks, `DELETE FROM webhooks WHERE org_id = $1 AND (created_by = $2
			OR id IN (SELECT subject_id FROM widenings WHERE by_id = $2 AND org_id = $1 AND kind = '`+wideHook+`'))`, org, user)
	}
	return err
}
