package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/netip"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

const selectAgentBindings = `SELECT id, org_id, agent_id, name, binding_type, config, guardrails, is_active, source, vault_id, path, revision,
	set_by, set_scopes, set_ip, set_at, in_person, created_at, updated_at, held FROM agent_bindings `

type agentBindingRow struct {
	b                         execution.Binding
	config, rails, scopes, ip string
	active, person, held      int64
	set, created, updated     int64
}

func (r *agentBindingRow) fields() []any {
	b := &r.b
	return []any{&b.ID, &b.Org, &b.Agent, &b.Name, &b.Type, &r.config, &r.rails, &r.active, &b.Source, &b.Vault, &b.Path, &b.Revision,
		&b.SetBy, &r.scopes, &r.ip, &r.set, &r.person, &r.created, &r.updated, &r.held}
}

func (r *agentBindingRow) binding() (execution.Binding, error) {
	b := r.b
	b.Active, b.Held, b.InPerson = r.active != 0, r.held != 0, r.person != 0
	b.SetAt, b.CreatedAt, b.UpdatedAt = fromMicros(r.set), fromMicros(r.created), fromMicros(r.updated)
	err := errors.Join(json.Unmarshal([]byte(r.config), &b.Config), json.Unmarshal([]byte(r.rails), &b.Rails), json.Unmarshal([]byte(r.scopes), &b.SetScopes))
	if err == nil && r.ip != "" {
		b.SetIP, err = netip.ParseAddr(r.ip)
	}
	return b, sqldb.Parsed(err)
}

// agentBindingValues are those of all columns but made_with, in the order of selectAgentBindings.
func agentBindingValues(b *execution.Binding) ([]any, error) {
	config, err := json.Marshal(b.Config)
	rails, err2 := json.Marshal(b.Rails)
	ip := ""
	if b.SetIP.IsValid() {
		ip = b.SetIP.String()
	}
	return []any{b.ID, b.Org, b.Agent, b.Name, b.Type, string(config), string(rails), number(b.Active), b.Source, b.Vault, b.Path, b.Revision,
		b.SetBy, listText(b.SetScopes), ip, micros(b.SetAt), number(b.InPerson), micros(b.CreatedAt), micros(b.UpdatedAt), number(b.Held)}, errors.Join(err, err2)
}

// ExecutingAgent implements executor.Store.
func (db *DB) ExecutingAgent(ctx context.Context, org, agent string) (a executor.Agent, err error) {
	var settings string
	found, err := db.Row(ctx, `SELECT created_by, execution FROM agents WHERE id = $1 AND org_id = $2`, []any{agent, org}, &a.Creator, &settings)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return a, err
	}
	return a, readExecution(settings, &a.Settings)
}

func readExecution(text string, into *execution.Settings) error {
	if text == "{}" {
		return nil
	}
	return sqldb.Parsed(json.Unmarshal([]byte(text), into))
}

func executionText(s *execution.Settings) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("store: settings of executions do not marshal") // they always do
	}
	return string(text)
}

// AgentBindings implements executor.Store.
func (db *DB) AgentBindings(ctx context.Context, org, agent string) (out []execution.Binding, err error) {
	err = db.Each(ctx, selectAgentBindings+`WHERE agent_id = $1 AND org_id = $2 ORDER BY created_at, id`, []any{agent, org}, func(rows *sql.Rows) error {
		var r agentBindingRow
		if err := rows.Scan(r.fields()...); err != nil {
			return err
		}
		b, err := r.binding()
		out = append(out, b)
		return err
	})
	return out, err
}

// AgentBinding implements executor.Store. No name is an id: execution.CheckName.
func (db *DB) AgentBinding(ctx context.Context, org, agent, idOrName string) (execution.Binding, error) {
	var r agentBindingRow
	found, err := db.Row(ctx, selectAgentBindings+`WHERE agent_id = $1 AND org_id = $2 AND (id = $3 OR name = $3)`, []any{agent, org, idOrName}, r.fields()...)
	if err == nil && !found {
		err = executor.ErrNone
	}
	if err != nil {
		return execution.Binding{}, err
	}
	return r.binding()
}

// AddAgentBinding implements executor.Store.
func (db *DB) AddAgentBinding(ctx context.Context, b *execution.Binding, sealed *vault.Version, ev *audit.Event) error {
	values, err := agentBindingValues(b)
	if err != nil {
		return err
	}
	return db.Write(ctx, b.Org, func(tx Tx) error {
		if err := tx.alive(b.Org, b.SetBy); err != nil {
			return err
		}
		var has, same int
		found, err := tx.Row(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = $2 THEN 1 ELSE 0 END), 0) FROM agent_bindings WHERE agent_id = $1`, []any{b.Agent, b.Name}, &has, &same)
		switch {
		case err != nil || !found:
			return err
		case same > 0:
			return tx.Refuse(executor.ErrThere)
		case has >= executor.Most:
			return tx.Refuse(executor.ErrRoom)
		}
		if err := tx.storeCredential(b, sealed); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO agent_bindings (id, org_id, agent_id, name, binding_type, config, guardrails, is_active, source, vault_id, path, revision,
			set_by, set_scopes, set_ip, set_at, in_person, created_at, updated_at, held)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`, values...)
		if err == nil {
			err = tx.made("agent_bindings", b.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

// storeCredential stores the sealed credential of a binding; nil: it has none to store.
func (tx Tx) storeCredential(b *execution.Binding, sealed *vault.Version) error {
	if sealed == nil {
		return nil
	}
	n, err := tx.Exec(putCurrent(sealed).Query, putCurrent(sealed).Args...)
	if err == nil && n == 0 {
		err = tx.staleOrNoVault(b.Vault)
	}
	if err != nil {
		return tx.Refuse(err)
	}
	return tx.store(sealed)
}

// ChangeAgentBinding implements executor.Store. It may end a right: what was decided before is
// decided anew.
func (db *DB) ChangeAgentBinding(ctx context.Context, b *execution.Binding, sealed *vault.Version, narrows bool, ev *audit.Event) error {
	values, err := agentBindingValues(b)
	if err != nil {
		return err
	}
	return db.Write(ctx, b.Org, func(tx Tx) error {
		if err := tx.alive(b.Org, b.SetBy); err != nil {
			return err
		}
		var source, vaultID, path string
		found, err := tx.Row(`SELECT source, vault_id, path FROM agent_bindings WHERE id = $1 AND revision = $2`, []any{b.ID, b.Revision}, &source, &vaultID, &path)
		if err == nil && !found {
			err = tx.Refuse(executor.ErrChanged)
		}
		if err == nil {
			err = tx.storeCredential(b, sealed)
		}
		if err != nil {
			return err
		}
		if source == execution.Inline && path != b.Path {
			if err := tx.dropCredential(vaultID, path); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`UPDATE agent_bindings SET org_id = $2, agent_id = $3, name = $4, binding_type = $5, config = $6, guardrails = $7, is_active = $8,
			source = $9, vault_id = $10, path = $11, revision = $12 + 1, set_by = $13, set_scopes = $14, set_ip = $15, set_at = $16, in_person = $17,
			created_at = $18, updated_at = $19, held = $20 WHERE id = $1`, values...)
		if err == nil && !narrows {
			err = tx.widened(wideBinding, b.ID, b.Org, false, ev)
		}
		tx.Record(ev)
		tx.Ended(b.Org)
		return err
	})
}

// dropCredential deletes an inline credential. Its path is never used again.
func (tx Tx) dropCredential(vaultID, path string) error {
	for _, query := range []string{
		`DELETE FROM secret_versions WHERE vault_id = $1 AND path = $2`,
		`DELETE FROM secrets WHERE vault_id = $1 AND path = $2`,
		`DELETE FROM refreshes WHERE vault_id = $1 AND path = $2`,
	} {
		if _, err := tx.Exec(query, vaultID, path); err != nil {
			return err
		}
	}
	tx.forget(vaultID, path)
	return nil
}

// DeleteAgentBinding implements executor.Store.
func (db *DB) DeleteAgentBinding(ctx context.Context, org, agent, id string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		var n int64
		err := tx.dropAgentBindings(&n, `id = $1 AND agent_id = $2 AND org_id = $3`, id, agent, org)
		if err == nil && n == 0 {
			err = tx.Refuse(executor.ErrNone)
		}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
}

// dropAgentBindings deletes the bindings of a condition with their credentials.
func (tx Tx) dropAgentBindings(n *int64, where string, args ...any) error {
	type row struct{ id, source, vault, path string }
	var all []row
	err := tx.Each(`SELECT id, source, vault_id, path FROM agent_bindings WHERE `+where, args, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(&r.id, &r.source, &r.vault, &r.path)
		all = append(all, r)
		return err
	})
	for _, r := range all {
		if err == nil && r.source == execution.Inline {
			err = tx.dropCredential(r.vault, r.path)
		}
		if err == nil {
			err = tx.count(n, `DELETE FROM agent_bindings WHERE id = $1`, r.id)
		}
	}
	return err
}
