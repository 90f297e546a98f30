package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func (db *DB) agentState(ctx context.Context, where, arg string) (identity.State, error) {
	var r stateRow
	found, err := db.Row(ctx, selectState+`WHERE `+where+` = $1`, []any{arg}, r.dest()...)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return identity.State{}, err
	}
	return r.state()
}

// AgentState implements identity.PrincipalStore.
func (db *DB) AgentState(ctx context.Context, id string) (identity.State, error) {
	return db.agentState(ctx, `id`, id)
}

// AgentStateByKey implements identity.PrincipalStore.
func (db *DB) AgentStateByKey(ctx context.Context, hash string) (identity.State, error) {
	return db.agentState(ctx, `key_hash`, hash)
}

// PatternsOf implements identity.PrincipalStore.
func (db *DB) PatternsOf(ctx context.Context, agent string, now time.Time, most int) ([]string, error) {
	out := []string{}
	err := db.Each(ctx, `SELECT DISTINCT secret_path_pattern FROM policies
		WHERE principal_id = $1 AND principal_type = 'agent' AND (expires_at IS NULL OR expires_at > $2)
		ORDER BY secret_path_pattern LIMIT $3`, []any{agent, micros(now), most}, func(rows *sql.Rows) error {
		var p string
		err := rows.Scan(&p)
		out = append(out, p)
		return err
	})
	return out, err
}

// AddAgent implements agent.Store.
func (db *DB) AddAgent(ctx context.Context, a agent.Agent, ev *audit.Event) error {
	caps, err := db.caps(ctx, a.Org)
	if err != nil {
		return err
	}
	return db.Write(ctx, a.Org, func(tx Tx) error {
		if err := tx.alive(a.Org, a.Creator); err != nil {
			return err
		}
		if err := tx.room(billing.Agents, caps, a.Org); err != nil {
			return err
		}
		err := tx.addAgent(&a)
		if err == nil {
			err = tx.putKeys(&a, caps)
		}
		if err == nil {
			err = tx.made("agents", a.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

func (tx Tx) addAgent(a *agent.Agent) error {
	_, err := tx.Exec(`INSERT INTO agents (`+agentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
		$13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, NULL)`, agentValues(a)...)
	return err
}

// Agents implements agent.Store.
func (db *DB) Agents(ctx context.Context, org, creator string) ([]agent.Agent, error) {
	query, args := selectAgents+`WHERE org_id = $1`, []any{org}
	if creator != "" {
		query, args = query+` AND created_by = $2`, append(args, creator)
	}
	var out []agent.Agent
	err := db.Each(ctx, query+` ORDER BY created_at, id`, args, func(rows *sql.Rows) error {
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

const selectAgent = selectAgents + `WHERE id = $1 AND org_id = $2`

// Agent implements agent.Store.
func (db *DB) Agent(ctx context.Context, org, id string) (agent.Agent, error) {
	var r agentRow
	found, err := db.Row(ctx, selectAgent, []any{id, org}, r.dest()...)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return agent.Agent{}, err
	}
	return r.agent()
}

// ChangeAgent implements agent.Store. The organisation's audit head is
// locked first, so two changes of one agent follow each other.
func (db *DB) ChangeAgent(ctx context.Context, org, id string, change func(*agent.Agent) error, keep bool, ev *audit.Event) (agent.Agent, error) {
	var a agent.Agent
	caps, err := db.caps(ctx, org)
	if err != nil {
		return a, err
	}
	err = db.Write(ctx, org, func(tx Tx) error {
		var r agentRow
		found, err := tx.Row(selectAgent, []any{id, org}, r.dest()...)
		if err == nil && !found {
			err = policy.ErrNoAgent
		}
		if err == nil {
			a, err = r.agent()
		}
		before := a
		if err == nil {
			err = change(&a)
		}
		changed := agent.Change{Was: &before, Is: &a}
		if err == nil && changed.Starts() {
			err = tx.room(billing.Agents, caps, org)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE agents SET created_by = $3, is_active = $4, expires_at = $5, token_gen = $6, token_ttl_seconds = $7,
			scopes = $8, vault_ids = $9, intents_api_enabled = $10, shroud_enabled = $11, no_reveal = $12, name = $13, description = $14,
			auth_method = $15, key_hash = $16, key_prefix = $17, tx_to_allowlist = $18, tx_max_value_eth = $19,
			tx_daily_limit_eth = $20, tx_allowed_chains = $21, client_cert_fingerprint = $22, oidc_issuer = $23,
			oidc_client_id = $24, ssh_public_key = $25, ecdh_public_key = $26, shroud_config = $27, created_at = $28,
			key_by = $29, key_at = $30, held = $31, tx_fields = $32, held_limits = $33, seen_limits = $34, execution = $35
			WHERE id = $1 AND org_id = $2`, agentValues(&a)...)
		if err == nil {
			err = tx.putKeys(&a, caps)
		}
		if err == nil && changed.GivesKey() {
			err = tx.gaveKey(id, ev)
		}
		var e ending
		if err == nil && !keep && changed.EndsMade() {
			err = tx.endMadeBy(&e, org, id, tx.Now())
		}
		if err == nil {
			err = tx.endTakenBy(&e, changed, ev)
		}
		e.note(ev)
		if err == nil && a.Widened {
			err = tx.widened(wideAgent, id, org, a.Lifted, ev)
		}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
	return a, err
}

// HasVaults implements agent.Store.
func (db *DB) HasVaults(ctx context.Context, org string, ids []string) (bool, error) {
	const perQuery = 100
	distinct := map[string]bool{}
	for _, id := range ids {
		distinct[id] = true
	}
	args, marks, found := []any{org}, []string{}, 0
	count := func() error {
		if len(marks) == 0 {
			return nil
		}
		err := db.Each(ctx, `SELECT id FROM vaults WHERE org_id = $1 AND id IN (`+strings.Join(marks, ",")+`)`, args,
			func(rows *sql.Rows) error { found++; var id string; return rows.Scan(&id) })
		args, marks = args[:1], marks[:0]
		return err
	}
	for id := range distinct {
		args = append(args, id)
		marks = append(marks, "$"+strconv.Itoa(len(args)))
		if len(marks) == perQuery {
			if err := count(); err != nil {
				return false, err
			}
		}
	}
	err := count()
	return found == len(distinct), err
}
