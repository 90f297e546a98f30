package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// What a request of an agent for a secret rests on, as a condition on its row: the agent is there, with
// the credentials that it had then.
const sameAsker = `EXISTS (SELECT 1 FROM agents g WHERE g.id = secret_requests.agent_id AND g.org_id = secret_requests.org_id
	AND g.is_active = 1 AND g.token_gen = secret_requests.agent_gen)`

// waits is a condition for a request that can be answered at the time of a parameter.
const waits = `status = 'waiting' AND ` + sameAsker + ` AND expires_at > `

const selectWanted = `SELECT id, org_id, vault_id, path, agent_id, reason, service, host, status, created_at, expires_at, decided_by, decided_at,
	answer, version, end_reason, CASE WHEN ` + sameAsker + ` THEN 0 ELSE 1 END,
	COALESCE((SELECT name FROM vaults WHERE vaults.id = secret_requests.vault_id), ''),
	COALESCE((SELECT name FROM agents WHERE agents.id = secret_requests.agent_id), '') FROM secret_requests `

// wantedRow is a row as it is scanned.
type wantedRow struct {
	r                wanted.Request
	created, expires int64
	decided          sql.NullInt64
	stale            int64
}

func (w *wantedRow) fields() []any {
	r := &w.r
	return []any{&r.ID, &r.Org, &r.Vault, &r.Path, &r.Agent, &r.Reason, &r.Service, &r.Host, &r.Status, &w.created, &w.expires, &r.DecidedBy, &w.decided,
		&r.Answer, &r.Version, &r.EndedBy, &w.stale, &r.VaultName, &r.AgentName}
}

func (w *wantedRow) request() wanted.Request {
	w.r.CreatedAt, w.r.ExpiresAt, w.r.DecidedAt, w.r.Stale = fromMicros(w.created), fromMicros(w.expires), fromNull(w.decided), w.stale != 0
	return w.r
}

// AskSecret implements wanted.Store. Requests of one organisation are written one after the
// other, so that two at once find each other.
func (db *DB) AskSecret(ctx context.Context, r wanted.Request, ev *audit.Event) (out wanted.Request, err error) {
	err = db.Write(ctx, r.Org, func(tx Tx) error {
		var row wantedRow
		at := micros(r.CreatedAt)
		found, err := tx.Row(selectWanted+`WHERE agent_id = $1 AND vault_id = $2 AND path = $3 AND `+waits+`$4 ORDER BY created_at LIMIT 1`,
			[]any{r.Agent, r.Vault, r.Path, at}, row.fields()...)
		if err != nil {
			return err
		}
		if found {
			out = row.request()
			ev.Details.Target = "secret_request:" + out.ID
			tx.Record(ev)
			return nil
		}
		if err := tx.mayAskSecret(&r); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO secret_requests (id, org_id, vault_id, path, agent_id, agent_gen, asked_with, reason, service, host, status,
			created_at, expires_at, mail_at) SELECT $1, $2, $3, $4, $5, COALESCE((SELECT token_gen FROM agents WHERE id = $5), 0), $6, $7, $8, $9, 'waiting', $10, $11, $10`,
			r.ID, r.Org, r.Vault, r.Path, r.Agent, ev.With, r.Reason, r.Service, r.Host, at, micros(r.ExpiresAt))
		if err == nil {
			_, err = tx.Row(selectWanted+`WHERE id = $1`, []any{r.ID}, row.fields()...)
		}
		out = row.request()
		ev.Details.Target = "secret_request:" + r.ID
		tx.Record(ev)
		return err
	})
	return out, err
}

// mayAskSecret asks wanted whether there may be one more request, and refuses one about a
// vault that is gone.
func (tx Tx) mayAskSecret(r *wanted.Request) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM vaults WHERE id = $1`, []any{r.Vault}, &one)
	if err == nil && !found {
		return tx.Refuse(wanted.ErrNoVault)
	}
	if err != nil {
		return err
	}
	var declined sql.NullInt64
	if _, err := tx.Row(`SELECT MAX(decided_at) FROM secret_requests WHERE agent_id = $1 AND vault_id = $2 AND path = $3 AND status = 'declined'`,
		[]any{r.Agent, r.Vault, r.Path}, &declined); err != nil {
		return err
	}
	if err := wanted.AfterDecline(fromNull(declined), r.CreatedAt); err != nil {
		return tx.Refuse(err)
	}
	var waiting, asked int64
	if _, err := tx.Row(`SELECT COUNT(CASE WHEN `+waits+`$2 THEN 1 END), COUNT(CASE WHEN created_at > $3 THEN 1 END) FROM secret_requests WHERE agent_id = $1`,
		[]any{r.Agent, micros(r.CreatedAt), micros(r.CreatedAt.Add(-wanted.AskedWithin))}, &waiting, &asked); err != nil {
		return err
	}
	if err := wanted.RoomToAsk(waiting, asked); err != nil {
		return tx.Refuse(err)
	}
	return nil
}

// SecretRequest implements wanted.Store.
func (db *DB) SecretRequest(ctx context.Context, s wanted.Seen, id string) (wanted.Request, error) {
	return db.secretRequest(ctx, selectWanted+`WHERE id = $1 AND org_id = $2 AND ($3 = '' OR agent_id = $3)`, id, s.Org, s.Agent)
}

// SecretRequestByID implements wanted.Store.
func (db *DB) SecretRequestByID(ctx context.Context, id string) (wanted.Request, error) {
	return db.secretRequest(ctx, selectWanted+`WHERE id = $1`, id)
}

func (db *DB) secretRequest(ctx context.Context, query string, args ...any) (wanted.Request, error) {
	var row wantedRow
	found, err := db.Row(ctx, query, args, row.fields()...)
	if err == nil && !found {
		err = wanted.ErrNone
	}
	return row.request(), err
}

// SecretRequests implements wanted.Store.
func (db *DB) SecretRequests(ctx context.Context, s wanted.Seen, status wanted.Status, now time.Time, limit, after int) (out []wanted.Request, err error) {
	query, args := selectWanted+`WHERE org_id = $1`, []any{s.Org, limit, after}
	if s.Agent != "" {
		query, args = selectWanted+`WHERE org_id = $1 AND agent_id = $4`, append(args, s.Agent)
	}
	at, word := `$4`, string(status)
	if s.Agent != "" {
		at = `$5`
	}
	switch status {
	case "":
	case wanted.Waiting:
		query, args = query+` AND `+waits+at, append(args, micros(now))
	case wanted.Expired:
		query, args = query+` AND status = 'waiting' AND `+sameAsker+` AND expires_at <= `+at, append(args, micros(now))
	case wanted.Ended:
		query, args = query+` AND (status = `+at+` OR status = 'waiting' AND NOT `+sameAsker+`)`, append(args, word)
	default:
		query, args = query+` AND status = `+at, append(args, word)
	}
	err = db.Each(ctx, query+` ORDER BY created_at DESC, id LIMIT $2 OFFSET $3`, args, func(rows *sql.Rows) error {
		var row wantedRow
		err := rows.Scan(row.fields()...)
		out = append(out, row.request())
		return err
	})
	return out, err
}

// EndSecretRequest implements wanted.Store.
func (db *DB) EndSecretRequest(ctx context.Context, r wanted.Request, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		n, err := tx.answer(&r)
		if err == nil && n == 0 {
			return tx.Refuse(wanted.ErrOver)
		}
		tx.Record(ev)
		return err
	})
}

// answer stores the answer of a request that waits.
func (tx Tx) answer(r *wanted.Request) (int64, error) {
	return tx.Exec(`UPDATE secret_requests SET status = $2, decided_by = $3, decided_at = $4, answer = $5, version = $6, mail_at = NULL WHERE id = $1 AND `+waits+`$4`,
		r.ID, string(r.Status), r.DecidedBy, micros(r.DecidedAt), r.Answer, int64(r.Version))
}

// FillSecretRequest implements wanted.Store.
func (db *DB) FillSecretRequest(ctx context.Context, f *wanted.Filling, v *vault.Version, ev *audit.Event) error {
	caps, err := db.caps(ctx, f.Org)
	if err != nil {
		return err
	}
	bound := broker.Bound{ID: f.Row, Org: f.Org, Vault: v.Vault, Path: v.Path, List: f.Bindings, By: f.By, At: f.At}
	added, err := entriesOf(&bound)
	if err != nil {
		return err
	}
	for i := range added {
		added[i].with = ev.With
	}
	return db.Write(ctx, f.Org, func(tx Tx) error {
		if err := tx.alive(f.Org, f.By); err != nil {
			return err
		}
		var one int
		stands, err := tx.Row(`SELECT 1 FROM secret_requests WHERE id = $1 AND `+waits+`$2`, []any{f.ID, micros(f.At)}, &one)
		if err == nil && !stands {
			err = tx.Refuse(wanted.ErrOver)
		}
		if err != nil {
			return err
		}
		there, err := tx.Row(`SELECT 1 FROM secrets WHERE vault_id = $1 AND path = $2 AND deleted_at IS NULL`, []any{v.Vault, v.Path}, &one)
		if err == nil && there && !f.NewVersion {
			err = tx.Refuse(wanted.ErrThere)
		}
		if err != nil {
			return err
		}
		if err := tx.pass(v, caps, f.Org); err != nil {
			return tx.Refuse(err)
		}
		err = tx.spendApproval(ev)
		if err == nil {
			err = tx.store(v)
		}
		if err == nil {
			_, err = tx.answer(&wanted.Request{ID: f.ID, Status: wanted.Filled, DecidedBy: f.By, DecidedAt: f.At, Version: v.Meta.Version})
		}
		if err == nil && len(added) > 0 {
			err = tx.addBindings(&bound, added, ev)
		}
		tx.Record(ev)
		return err
	})
}

// addBindings adds entries to those of a path. One that is there already stays as it is.
func (tx Tx) addBindings(b *broker.Bound, added []boundEntry, ev *audit.Event) error {
	_, was, err := tx.boundAt(`vault_id = $1 AND path = $2`, b.Vault, b.Path)
	if err != nil {
		return err
	}
	all, err := joined(was, added)
	if err == nil {
		err = tx.writeBindings(b, all, ev)
	}
	tx.Ended(b.Org) // the row has another id: what is under way looks anew
	return err
}

// SweepSecretRequests implements wanted.Store.
func (db *DB) SweepSecretRequests(ctx context.Context, before time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Sweep(`DELETE FROM secret_requests WHERE expires_at < $1`, micros(before))
		return err
	})
}

// endWanted ends the requests for secrets that wait and for which a condition holds.
func (tx Tx) endWanted(e *ending, at time.Time, by wanted.End, where string, args ...any) error {
	return tx.count(&e.wanted, `UPDATE secret_requests SET status = 'ended', end_reason = '`+string(by)+`', decided_at = $1, mail_at = NULL WHERE status = 'waiting' AND expires_at > $1 AND `+where,
		append([]any{micros(at)}, args...)...)
}

// endWantedOf ends those of an agent at places.
func (tx Tx) endWantedOf(e *ending, asker string, at time.Time, which agent.Places) error {
	ids, err := tx.those(`SELECT id, vault_id, path FROM secret_requests WHERE agent_id = $1 AND expires_at > $2 AND status = 'waiting'`, asker, at, which)
	for _, id := range ids {
		if err == nil {
			err = tx.endWanted(e, at, wanted.ByReach, `id = $2`, id)
		}
	}
	return err
}
