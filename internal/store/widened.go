package store

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
)

// Kinds of what is widened.
const (
	widePolicy     = "policy"
	wideAgent      = "agent"
	wideMember     = "member"
	wideInvitation = "invitation"
	wideHook       = "webhook"
	wideBinding    = "agent_binding"
	wideRemoved    = "ip_rule_removed"
)

// widened notes that the event's actor let something do more that may be another's: it
// ends with the actor's credential as if it were made with that. held says that it
// lifted what only an owner or admin lifts.
func (tx Tx) widened(kind, id, org string, held bool, ev *audit.Event) error {
	if ev == nil || ev.With == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO widenings (subject_id, kind, org_id, made_with, by_id, held, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (subject_id, made_with, by_id) DO UPDATE SET held = CASE WHEN widenings.held = 1 THEN 1 ELSE excluded.held END`,
		id, kind, org, ev.With, ev.ActorID, number(held), micros(ev.At))
	return err
}

// endWidened ends what was widened with a credential: policies, webhooks, and agents, which stop
// and forget their keys. Members whose role was raised stay, and are named; so are IP rules
// that were removed, which do not come back.
func (tx Tx) endWidened(e *ending, org, list string, at time.Time) error {
	made := tx.among("made_with", "$1")
	mine := `IN (SELECT subject_id FROM widenings WHERE ` + made + ` AND org_id = $2 AND kind = `
	err := tx.endPolicies(e, `id `+mine+`'`+widePolicy+`')`, list, org)
	if err == nil {
		err = tx.stopAgents(e, org, `id `+mine+`'`+wideAgent+`') AND org_id = $2`, at, list, org)
	}
	if err == nil {
		err = tx.count(&e.invitations, `DELETE FROM invitations WHERE org_id = $2 AND id `+mine+`'`+wideInvitation+`')`, list, org)
	}
	if err == nil {
		err = tx.count(&e.webhooks, `DELETE FROM webhooks WHERE org_id = $2 AND id `+mine+`'`+wideHook+`')`, list, org)
	}
	if err == nil {
		err = tx.dropAgentBindings(&e.services, `org_id = $2 AND id `+mine+`'`+wideBinding+`')`, list, org)
	}
	if err == nil {
		var members []string
		members, _, err = tx.children(`SELECT user_id, 1 FROM memberships WHERE org_id = $2 AND user_id `+mine+`'`+wideMember+`')`, list, org)
		e.members = append(e.members, members...)
	}
	if err == nil {
		var rules []string
		rules, _, err = tx.children(`SELECT subject_id, 1 FROM widenings WHERE `+made+` AND org_id = $2 AND kind = '`+wideRemoved+`'`, list, org)
		e.removed = append(e.removed, rules...)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM widenings WHERE `+made+` AND org_id = $2 AND kind NOT IN ('`+wideMember+`', '`+wideRemoved+`')`, list, org)
	}
	return err
}

// removedRule notes that the event's actor removed an IP rule that kept somebody out, with
// what it said: whoever looks at it later may put it back.
func (tx Tx) removedRule(r *iprule.Rule, ev *audit.Event) error {
	err := tx.widened(wideRemoved, r.ID, r.Org, false, ev)
	if err == nil {
		_, err = tx.Exec(`UPDATE widenings SET name = $2 WHERE subject_id = $1`, r.ID, r.Type+" "+r.Network.String()+" "+r.AppliesTo)
	}
	return err
}

// stopAgents stops the agents of a condition, which forget their keys, and ends what
// they made.
func (tx Tx) stopAgents(e *ending, org, where string, at time.Time, args ...any) error {
	agents, live, err := tx.children(`SELECT id, is_active FROM agents WHERE `+where, args...)
	for i, id := range agents {
		if err == nil && live[i] {
			e.agents = append(e.agents, id)
			_, err = tx.Exec(`UPDATE agents SET is_active = 0, key_hash = NULL, key_prefix = '', token_gen = token_gen + 1 WHERE id = $1`, id)
		}
		if err == nil {
			err = tx.endMadeBy(e, org, id, at)
		}
	}
	return err
}
