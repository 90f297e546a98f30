package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
)

// BeginExecution implements executor.Store.
func (db *DB) BeginExecution(ctx context.Context, u *executor.Use, ev *audit.Event) error {
	b := u.Binding
	return db.Write(ctx, b.Org, func(tx Tx) error {
		var one int
		found, err := tx.Row(`SELECT 1 FROM agent_bindings WHERE id = $1 AND revision = $2 AND is_active = 1`, []any{b.ID, b.Revision}, &one)
		if err == nil && !found {
			err = tx.Refuse(executor.ErrChanged)
		}
		if err == nil && u.Execution != nil {
			err = tx.begin(u)
		}
		if err == nil {
			err = tx.take(u.Taking, ev)
		}
		tx.Record(ev)
		return err
	})
}

// begin stores an execution, unless the agent or its binding had as many within a minute as they may.
func (tx Tx) begin(u *executor.Use) error {
	e := u.Execution
	for _, bound := range []struct {
		most  int64
		query string
		id    string
	}{
		{u.PerMinute, `SELECT created_at FROM executions WHERE agent_id = $1 AND created_at > $2 ORDER BY created_at DESC LIMIT 1 OFFSET $3`, ""},
		{u.Own, `SELECT created_at FROM executions WHERE agent_id = $1 AND created_at > $2 AND binding_id = $4 ORDER BY created_at DESC LIMIT 1 OFFSET $3`, e.Binding},
	} {
		if bound.most == 0 {
			continue
		}
		args := []any{e.Agent, micros(e.At.Add(-execution.Window)), bound.most - 1}
		if bound.id != "" {
			args = append(args, bound.id)
		}
		var first int64
		full, err := tx.Row(bound.query, args, &first)
		if err == nil && full {
			err = tx.Refuse(executor.Busy(fromMicros(first), e.At))
		}
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO executions (id, org_id, agent_id, binding_id, intent_type, status, host, method, path_template, answered, bytes, redactions, error, duration_ms, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, '', 0, $10)`,
		e.ID, e.Org, e.Agent, e.Binding, e.Intent, e.Status, e.Host, e.Method, e.Template, micros(e.At))
	return err
}

// EndExecution implements executor.Store.
func (db *DB) EndExecution(ctx context.Context, e *executor.Execution, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		var err error
		if e.ID != "" {
			_, err = tx.Exec(`UPDATE executions SET status = $2, answered = $3, bytes = $4, redactions = $5, error = $6, duration_ms = $7, row_count = $8 WHERE id = $1`,
				e.ID, e.Status, e.Answered, e.Bytes, e.Redactions, e.Error, e.Took.Milliseconds(), e.Rows)
		}
		tx.Record(ev)
		return err
	})
}

// Executions implements executor.Store.
func (db *DB) Executions(ctx context.Context, org, agent string, limit, after int) (out []executor.Execution, err error) {
	err = db.Each(ctx, `SELECT id, org_id, agent_id, binding_id, intent_type, status, host, method, path_template, answered, bytes, redactions, error, duration_ms, created_at, row_count,
		COALESCE((SELECT name FROM agent_bindings b WHERE b.id = executions.binding_id), '') FROM executions WHERE agent_id = $1 AND org_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4`, []any{agent, org, limit, after}, func(rows *sql.Rows) error {
		var e executor.Execution
		var ms, at int64
		err := rows.Scan(&e.ID, &e.Org, &e.Agent, &e.Binding, &e.Intent, &e.Status, &e.Host, &e.Method, &e.Template, &e.Answered, &e.Bytes, &e.Redactions, &e.Error, &ms, &at, &e.Rows, &e.Named)
		e.Took, e.At = time.Duration(ms)*time.Millisecond, fromMicros(at)
		out = append(out, e)
		return err
	})
	return out, err
}

// SweepExecutions implements executor.Store.
func (db *DB) SweepExecutions(ctx context.Context, before time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Sweep(`DELETE FROM executions WHERE created_at < $1`, micros(before))
		return err
	})
}

// EndInterrupted implements executor.Store.
func (db *DB) EndInterrupted(ctx context.Context, before time.Time, alone bool) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE executions SET status = 'error', error = 'interrupted' WHERE status = 'running' AND created_at < $1`, micros(before))
		if err == nil && alone {
			_, err = tx.Exec(`UPDATE refreshes SET holder = '', held_until = 0 WHERE held_until > 0`)
		}
		return err
	})
}
