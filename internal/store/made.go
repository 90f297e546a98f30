package store

import (
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// made notes with which credential a row was made: the one that the event's
// request came with. A row that the server itself makes has none.
func (tx Tx) made(table, id string, ev *audit.Event) error {
	if ev == nil || ev.With == "" {
		return nil
	}
	_, err := tx.Exec(`UPDATE `+table+` SET made_with = $2 WHERE id = $1`, id, ev.With)
	return err
}

// ending is what ended with a credential.
type ending struct {
	keys, agents, rekeyed                   []string // rekeyed: agents that lost their key alone
	shares, policies, invitations, webhooks int64
	tokens                                  int64    // that humans took of agents
	routers                                 int64    // router keys that they made for agents
	bindings                                int64    // of secrets: where they may be used
	services                                int64    // bindings of agents: what they may execute
	sessions                                int64    // devices that it let in, or other logins
	codes                                   int64    // of devices that were let in
	passkeys                                int64    // that were added in a login
	wanted                                  int64    // requests of agents for secrets that waited
	approvals                               int64    // that were given or asked for, and not used up
	rules                                   []string // allow addresses, and stay
	removed                                 []string // IP rules that are gone, and stay so
	members                                 []string // who joined by an invitation or were raised in role, and stay
}

// text says what ended: counts, and after a blank the ids of keys and agents.
func (e *ending) text() string {
	var counts, ids []string
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"api_keys", int64(len(e.keys))}, {"agents", int64(len(e.agents))}, {"shares", e.shares}, {"policies", e.policies},
		{"invitations", e.invitations}, {"webhooks", e.webhooks}, {"agent_keys", int64(len(e.rekeyed))},
		{"agent_tokens", e.tokens}, {"sessions", e.sessions}, {"device_codes", e.codes},
		{"approvals", e.approvals}, {"router_keys", e.routers}, {"bindings", e.bindings}, {"agent_bindings", e.services},
		{"secret_requests", e.wanted}, {"passkeys", e.passkeys},
	} {
		if c.n > 0 {
			counts = append(counts, c.name+"="+strconv.FormatInt(c.n, 10))
		}
	}
	for _, id := range e.keys {
		ids = append(ids, "key:"+id)
	}
	for _, id := range append(slices.Clone(e.agents), e.rekeyed...) {
		ids = append(ids, "agent:"+id)
	}
	out := strings.Join(counts, ",")
	if len(ids) > 0 {
		out += " " + strings.Join(ids[:min(len(ids), audit.MaxNamed)], " ")
	}
	return out
}

// credential is one that is ended, or was (again): a key in its organisation, or a
// login in all of its user's.
type credential struct {
	with        string
	org         string // a key's
	orgs        []string
	again, keep bool
	none        error // of one that is gone, with all that was made with it
}

// endCredential ends what was made with a credential unless it is kept, and records
// all of it. One that has ended is ended again for what was kept.
func (tx Tx) endCredential(c credential, at time.Time, ev *audit.Event) error {
	all := endings{}
	for _, org := range c.orgs {
		e := all.in(org)
		if c.keep {
			break
		}
		if err := tx.endMadeWith(e, org, c.with, at); err != nil {
			return err
		}
	}
	if c.again && all.sum().text() == "" {
		return tx.Refuse(c.none)
	}
	tx.recordAll(all, ev, c.org)
	tx.Ended(c.orgs...)
	return nil
}

// endMadeWith ends what was made with an API key or a login: keys, with what was made with
// those in turn, agents with what they made, the keys that it gave to other agents, the tokens that it took of them, shares,
// policies, invitations, webhooks and the approvals that it gave or asked for. IP rules stay: without one
// more addresses might get in. So do policies that ask for approvals. Vaults and secrets are data, and stay; and so do the
// members who joined by its invitations, since by now they work here: they are named.
//
// Whoever holds a stolen key can make thousands of keys with it. So what was made with any
// of them ends in one statement for all, and not in one for each.
func (tx Tx) endMadeWith(e *ending, org, with string, at time.Time) error {
	all, err := tx.endHandedOn(e, org, with, at)
	if err != nil {
		return err
	}
	list, made := listText(all), tx.among("made_with", "$1")
	if err := tx.stopAgents(e, org, made+` AND org_id = $2`, at, list, org); err != nil {
		return err
	}
	if err := tx.endKeysGiven(e, at, tx.among("key_with", "$1")+` AND org_id = $2`, list, org); err != nil {
		return err
	}
	if err := tx.endTokens(e, at, tx.among("made_with", "$2")+` AND org_id = $3`, list, org); err != nil {
		return err
	}
	members, _, err := tx.children(`SELECT user_id, 1 FROM memberships WHERE `+made+` AND org_id = $2`, list, org)
	if err != nil {
		return err
	}
	e.members = append(e.members, members...)
	rules, _, err := tx.children(`SELECT id, 1 FROM ip_rules WHERE `+made+` AND org_id = $2 AND rule_type = $3`, list, org, iprule.Allow)
	if err != nil {
		return err
	}
	e.rules = append(e.rules, rules...)
	for _, s := range []struct {
		n     *int64
		query string
		args  []any
	}{
		{&e.shares, `UPDATE shares SET revoked_at = $3 WHERE ` + made + ` AND org_id = $2 AND revoked_at IS NULL`, []any{list, org, micros(at)}},
		{&e.invitations, `DELETE FROM invitations WHERE ` + made + ` AND org_id = $2`, []any{list, org}},
		{&e.webhooks, `DELETE FROM approval_webhooks WHERE ` + made + ` AND org_id = $2`, []any{list, org}},
		{&e.webhooks, `DELETE FROM webhooks WHERE ` + made + ` AND org_id = $2`, []any{list, org}},
		{&e.approvals, `UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = requester_id, withdrawn_at = $3,
			notify_at = NULL, mail_at = NULL WHERE ` + tx.among("asked_with", "$1") + ` AND org_id = $2 AND expires_at > $3 AND ` + open, []any{list, org, micros(at)}},
		{&e.approvals, `UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = decided_by, withdrawn_at = $3
			WHERE ` + tx.among("decided_with", "$1") + ` AND org_id = $2 AND status = 'approved' AND uses_left > 0 AND expires_at > $3`, []any{list, org, micros(at)}},
		// Nothing is left of these, and so they are not counted; but a call that rests on one may be under way.
		{new(int64), `UPDATE approvals SET status = 'withdrawn', withdrawn_by = decided_by, withdrawn_at = $3
			WHERE ` + tx.among("decided_with", "$1") + ` AND org_id = $2 AND status = 'approved' AND uses_left = 0 AND expires_at > $3`, []any{list, org, micros(at)}},
	} {
		if err := tx.count(s.n, s.query, s.args...); err != nil {
			return err
		}
	}
	if err := tx.endBindings(&e.bindings, made+` AND org_id = $2`, list, org); err != nil {
		return err
	}
	if err := tx.dropAgentBindings(&e.services, made+` AND org_id = $2`, list, org); err != nil {
		return err
	}
	if err := tx.endWanted(e, at, wanted.ByCredential, tx.among("asked_with", "$2")+` AND org_id = $3`, list, org); err != nil {
		return err
	}
	if err := tx.endPolicies(e, made+` AND vault_id IN (SELECT id FROM vaults WHERE org_id = $2)`, list, org); err != nil {
		return err
	}
	return tx.endWidened(e, org, list, at)
}

// endHandedOn ends the keys and passkeys that were made with a credential, the devices that it let in, and
// what those made and let in in turn. It returns the names of all of them and its own, each once.
func (tx Tx) endHandedOn(e *ending, org, with string, at time.Time) ([]string, error) {
	all, seen := []string{with}, map[string]bool{with: true}
	for from := 0; from < len(all); {
		list := listText(all[from:])
		from = len(all)
		next := func(kind string, ids []string) {
			for _, id := range ids {
				if name := kind + id; !seen[name] {
					seen[name], all = true, append(all, name)
				}
			}
		}
		made := tx.among("made_with", "$1")
		keys, live, err := tx.children(`SELECT id, CASE WHEN revoked_at IS NULL THEN 1 ELSE 0 END FROM user_keys WHERE `+made+` AND org_id = $2`, list, org)
		if err != nil {
			return nil, err
		}
		for i, id := range keys {
			if live[i] && !seen["key:"+id] {
				e.keys = append(e.keys, id)
			}
		}
		if _, err := tx.Exec(`UPDATE user_keys SET revoked_at = $3 WHERE `+made+` AND org_id = $2 AND revoked_at IS NULL`, list, org, micros(at)); err != nil {
			return nil, err
		}
		if err := tx.count(&e.codes, `UPDATE device_codes SET status = 'denied' WHERE `+made+` AND status = 'approved'`, list); err != nil {
			return nil, err // of devices that it would have let in
		}
		devices, _, err := tx.children(`SELECT id, 1 FROM sessions WHERE `+made, list)
		if err != nil {
			return nil, err
		}
		if err := tx.count(&e.sessions, `UPDATE sessions SET ended_at = $2 WHERE `+made+` AND ended_at IS NULL AND expires_at > $2`, list, micros(at)); err != nil {
			return nil, err
		}
		passkeys, _, err := tx.children(`SELECT id, 1 FROM passkeys WHERE `+made, list)
		if err != nil {
			return nil, err
		}
		if err := tx.count(&e.passkeys, `UPDATE passkeys SET removed_at = $2 WHERE `+made+` AND removed_at IS NULL`, list, micros(at)); err != nil {
			return nil, err
		}
		next("key:", keys)
		next("passkey:", passkeys)
		next("session:", devices)
	}
	return all, nil
}

// among is the condition that a column holds one of the texts of a JSON list.
func (tx Tx) among(column, list string) string {
	if tx.Postgres() {
		return column + ` IN (SELECT json_array_elements_text(` + list + `::text::json))`
	}
	return column + ` IN (SELECT value FROM json_each(` + list + `))`
}

// gaveKey notes which credential, and so which human, gave an agent its key, or what
// lets it in instead.
func (tx Tx) gaveKey(id string, ev *audit.Event) error {
	if ev == nil || agent.GaveItself(ev.With) {
		return nil
	}
	_, err := tx.Exec(`UPDATE agents SET key_with = $2, key_human = $3 WHERE id = $1`, id, ev.With, ev.ActorID)
	return err
}

// keysOfOthers are the agents whose key a human gave who is not theirs.
const keysOfOthers = `key_human = $1 AND org_id = $2 AND created_by <> $1`

// endKeysGiven ends the keys that a credential or a human gave to the agents of a
// condition, or what lets them in instead, with the agents' tokens, shares and policies.
func (tx Tx) endKeysGiven(e *ending, at time.Time, where, giver, org string) error {
	var lose []string
	var stop []bool
	err := tx.Each(`SELECT id, auth_method, CASE WHEN key_hash IS NULL THEN 0 ELSE 1 END, is_active FROM agents WHERE `+where, []any{giver, org}, func(rows *sql.Rows) error {
		var id, method string
		var key, active int64
		err := rows.Scan(&id, &method, &key, &active)
		if loses, stops := agent.LosesKey(method, key != 0, active != 0); loses {
			lose, stop = append(lose, id), append(stop, stops)
		}
		return err
	})
	for i, id := range lose {
		if err == nil {
			e.rekeyed = append(e.rekeyed, id)
			_, err = tx.Exec(`UPDATE agents SET key_hash = NULL, key_prefix = '', token_gen = token_gen + 1, key_with = '', key_human = '',
				is_active = CASE WHEN $2 = 1 THEN 0 ELSE is_active END WHERE id = $1`, id, number(stop[i]))
		}
		if err == nil {
			err = tx.endMadeBy(e, org, id, at)
		}
	}
	return err
}

// endMadeBy ends the shares and policies that an agent made, with whichever of
// its keys.
func (tx Tx) endMadeBy(e *ending, org, maker string, at time.Time) error {
	err := tx.count(&e.shares, `UPDATE shares SET revoked_at = $2 WHERE maker_id = $1 AND maker_type = 'agent' AND revoked_at IS NULL`, maker, micros(at))
	if err == nil {
		err = tx.endPolicies(e, `created_by = $1 AND created_by_type = 'agent' AND vault_id IN (SELECT id FROM vaults WHERE org_id = $2)`, maker, org)
	}
	if err == nil {
		err = tx.endPolicies(e, `id IN (SELECT subject_id FROM widenings WHERE by_id = $1 AND org_id = $2 AND kind = 'policy')`, maker, org)
	}
	return err
}

// endPolicies ends the policies of a condition but for those that ask for
// approvals: without such a gate a path might be read that was not before, so to
// lift one takes a person, who does it with the policy itself.
func (tx Tx) endPolicies(e *ending, where string, args ...any) error {
	free, _, err := tx.gatedAmong(where, args...)
	for _, id := range free {
		if err == nil {
			err = tx.count(&e.policies, `DELETE FROM policies WHERE id = $1`, id)
		}
	}
	return err
}

// gatedAmong tells the policies of a condition that ask for approvals from those
// that are free of that.
func (tx Tx) gatedAmong(where string, args ...any) (free, gated []string, err error) {
	err = tx.Each(`SELECT id, conditions FROM policies WHERE `+where, args, func(rows *sql.Rows) error {
		var id string
		var conditions []byte
		if err := rows.Scan(&id, &conditions); err != nil {
			return err
		}
		if policy.AsksApproval(conditions) {
			gated = append(gated, id)
		} else {
			free = append(free, id)
		}
		return nil
	})
	return free, gated, err
}

// note says in an event what ended, and who came by what ended and stays.
func (e *ending) note(ev *audit.Event) {
	if ev == nil {
		return
	}
	ev.Details.Ended = e.text()
	var counts, ids []string
	for _, s := range []struct {
		what, one string
		ids       []string
	}{{"members", " user:", e.members}, {"ip_rules", " ip_rule:", e.rules}, {"ip_rules_removed", " ip_rule_removed:", e.removed}} {
		if n := len(s.ids); n > 0 {
			counts = append(counts, s.what+"="+strconv.Itoa(n))
			ids = append(ids, s.one+strings.Join(s.ids[:min(n, audit.MaxNamed)], s.one))
		}
	}
	ev.Details.Stays = strings.Join(append([]string{strings.Join(counts, ",")}, ids...), "")
}

func (tx Tx) count(n *int64, query string, args ...any) error {
	rows, err := tx.Exec(query, args...)
	*n += rows
	return err
}

func (tx Tx) children(query string, args ...any) (ids []string, live []bool, err error) {
	err = tx.Each(query, args, func(rows *sql.Rows) error {
		var id string
		var is int64
		err := rows.Scan(&id, &is)
		ids, live = append(ids, id), append(live, is != 0)
		return err
	})
	return ids, live, err
}
