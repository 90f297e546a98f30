package store

import "time"

// ownVaults are the vaults whose policies somebody sets as a member: those that it,
// or an agent of its own, made.
const ownVaults = `SELECT id FROM vaults WHERE org_id = $2 AND (created_by_type = 'user' AND created_by = $1 AND creator_left = 0
	OR created_by_type = 'agent' AND creator_human = $1)`

// endManaging ends what somebody keeps from managing an organisation who becomes a
// member: the webhook, which a member may not set; tokens taken of others' agents, with
// what was made with them; keys given to others' agents; and policies in others' vaults
// for itself or its own agents. What it made for others is the organisation's.
func (tx *Tx) endManaging(org, user string, at time.Time) (ending, error) {
	var e ending
	err := tx.endWebhooks(&e, org, user)
	if err == nil {
		err = tx.endTaken(&e, org, user, ` AND agent_id NOT IN (SELECT id FROM agents WHERE created_by = $2 AND org_id = $3)`, at)
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
	return e, err
}

// forItself is a condition for policies that name somebody or one of its agents.
const forItself = `(principal_type = 'user' AND principal_id = $1
	OR principal_type = 'agent' AND principal_id IN (SELECT id FROM agents WHERE created_by = $1 AND org_id = $2))`

// endWebhooks ends the webhook that somebody set, who may not set one any more: it
// is told of nothing by it.
func (tx *Tx) endWebhooks(e *ending, org, user string) error {
	return tx.count(&e.webhooks, `DELETE FROM approval_webhooks WHERE org_id = $1 AND created_by = $2`, org, user)
}
