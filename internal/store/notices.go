package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
)

var errNoWebhook = fault.New(fault.NotFound, "webhook_not_found", "There is no such webhook.")

// ClaimMails implements approval.NoticeStore. Nodes claim one after the other,
// since each locks the head of the same log first.
func (db *DB) ClaimMails(ctx context.Context, now, lease time.Time) (out []approval.Request, found bool, err error) {
	var org string
	const due = `SELECT org_id FROM approvals WHERE mail_at <= $1 ORDER BY mail_at LIMIT 1`
	if found, err = db.Row(ctx, due, []any{micros(now)}, &org); err != nil || !found {
		return nil, false, err // the usual case costs no write
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		out = nil
		if found, err = tx.Row(due, []any{micros(now)}, &org); err != nil || !found {
			return err
		}
		var sent int64
		var last sql.NullInt64
		if _, err := tx.Row(`SELECT COUNT(DISTINCT mailed_at), MAX(mailed_at) FROM approvals WHERE org_id = $1 AND mailed_at > $2`,
			[]any{org, micros(now.Add(-approval.MailMemory))}, &sent, &last); err != nil {
			return err
		}
		if next, early := approval.NextMails(sent, fromNull(last), now); early {
			_, err := tx.Exec(`UPDATE approvals SET mail_at = $3 WHERE org_id = $1 AND mail_at <= $2`, org, micros(now), micros(next))
			return err
		}
		if err := tx.Each(selectNamed+`WHERE org_id = $1 AND mail_at <= $2 ORDER BY created_at, id LIMIT $3`,
			[]any{org, micros(now), approval.MaxClaimed}, func(rows *sql.Rows) error {
				var row approvalRow
				err := rows.Scan(row.named()...)
				out = append(out, row.request())
				return err
			}); err != nil {
			return err
		}
		for i := range out {
			if _, err := tx.Exec(`UPDATE approvals SET mail_at = $2, mailed_at = $3 WHERE id = $1`, out[i].ID, micros(lease), micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
	return out, found && err == nil, err
}

// MailsOut implements approval.NoticeStore.
func (db *DB) MailsOut(ctx context.Context, ids []string, lease time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`UPDATE approvals SET mail_at = NULL WHERE id = $1 AND mail_at = $2`, id, micros(lease)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ClaimNotice implements approval.NoticeStore. The condition stands twice: where
// two nodes chose the same row, the one that comes second finds it moved.
func (db *DB) ClaimNotice(ctx context.Context, now, lease time.Time) (r approval.Request, attempts int, found bool, err error) {
	const due = `notify_at <= $1`
	var at int64
	if found, err = db.Row(ctx, `SELECT notify_at FROM approvals WHERE `+due+` ORDER BY notify_at LIMIT 1`, []any{micros(now)}, &at); err != nil || !found {
		return r, 0, false, err // the usual case costs no write
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var row approvalRow
		var err error
		found, err = tx.Row(`UPDATE approvals SET notify_at = $2, notify_attempts = notify_attempts + 1
			WHERE `+due+` AND id = (SELECT id FROM approvals WHERE `+due+` ORDER BY notify_at LIMIT 1)
			RETURNING `+approvalColumns+`, notify_attempts`, []any{micros(now), micros(lease)}, append(row.columns(), &attempts)...)
		r = row.request()
		return err
	})
	return r, attempts, found && err == nil, err
}

// NoticeDue implements approval.NoticeStore.
func (db *DB) NoticeDue(ctx context.Context, id string, attempts int, at time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE approvals SET notify_at = $3 WHERE id = $1 AND notify_attempts = $2`, id, attempts, nullMicros(at))
		return err
	})
}

// Deciders implements approval.NoticeStore.
func (db *DB) Deciders(ctx context.Context, org, vaultID, except string, limit int) ([]string, error) {
	var all []approval.Decider
	err := db.Each(ctx, `SELECT u.email, CASE WHEN v.id IS NULL THEN 0 ELSE 1 END FROM memberships m JOIN users u ON u.id = m.user_id
		LEFT JOIN vaults v ON v.id = $2 AND v.creator_left = 0 AND (v.created_by = u.id OR v.creator_human = u.id)
		WHERE m.org_id = $1 AND u.id <> $3 AND (m.role IN `+managers+` OR v.id IS NOT NULL)
		ORDER BY m.created_at, u.id`, []any{org, vaultID, except}, func(rows *sql.Rows) error {
		var d approval.Decider
		var made int64
		err := rows.Scan(&d.Email, &made)
		d.Made = made != 0
		all = append(all, d)
		return err
	})
	return approval.Told(all, limit), err
}

// Webhook implements approval.NoticeStore.
func (db *DB) Webhook(ctx context.Context, org string) (approval.Webhook, error) {
	var w approval.Webhook
	var created int64
	var paused sql.NullInt64
	var last lastRow
	found, err := db.Row(ctx, `SELECT id, org_id, url, wrapped, sealed, created_by, created_at, paused_at, `+lastColumns+` FROM approval_webhooks WHERE org_id = $1`,
		[]any{org}, append([]any{&w.ID, &w.Org, &w.URL, &w.Box.WrappedDEK, &w.Box.Ciphertext, &w.CreatedBy, &created, &paused}, last.fields()...)...)
	if err == nil && !found {
		err = errNoWebhook
	}
	w.CreatedAt, w.PausedAt, w.Last = fromMicros(created), fromNull(paused), last.value()
	return w, err
}

// WebhookCalled implements approval.WebhookStore.
func (db *DB) WebhookCalled(ctx context.Context, org, id string, out signedcall.Outcome) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE approval_webhooks SET last_status = $3, last_error = $4, last_called_at = $5,
			last_delivered_at = COALESCE($6, last_delivered_at) WHERE org_id = $1 AND id = $2`, org, id, out.Status, string(out.Error), micros(out.At), deliveredAt(out))
		return err
	})
}

// deliveredAt is when a call was taken, or NULL.
func deliveredAt(out signedcall.Outcome) any {
	if !out.OK() {
		return nil
	}
	return micros(out.At)
}

const lastColumns = `last_status, last_error, last_called_at, last_delivered_at`

// lastRow reads lastColumns.
type lastRow struct {
	l                 signedcall.Last
	kind              string
	called, delivered sql.NullInt64
}

func (r *lastRow) fields() []any { return []any{&r.l.Status, &r.kind, &r.called, &r.delivered} }

func (r *lastRow) value() signedcall.Last {
	r.l.Error, r.l.CalledAt, r.l.DeliveredAt = signedcall.Kind(r.kind), fromNull(r.called), fromNull(r.delivered)
	return r.l
}

// SetWebhook implements approval.WebhookStore.
func (db *DB) SetWebhook(ctx context.Context, w approval.Webhook, ev *audit.Event) error {
	return db.Write(ctx, w.Org, func(tx Tx) error {
		if err := tx.alive(w.Org, w.CreatedBy); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO approval_webhooks (org_id, id, url, wrapped, sealed, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (org_id) DO UPDATE SET id = EXCLUDED.id, url = EXCLUDED.url, wrapped = EXCLUDED.wrapped, sealed = EXCLUDED.sealed,
			created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at,
			last_status = 0, last_error = '', last_called_at = NULL, last_delivered_at = NULL, paused_at = NULL`,
			w.Org, w.ID, w.URL, w.Box.WrappedDEK, w.Box.Ciphertext, w.CreatedBy, micros(w.CreatedAt))
		if err == nil && ev != nil {
			_, err = tx.Exec(`UPDATE approval_webhooks SET made_with = $2 WHERE org_id = $1`, w.Org, ev.With)
		}
		tx.Record(ev)
		return err
	})
}

// RemoveWebhook implements approval.WebhookStore.
func (db *DB) RemoveWebhook(ctx context.Context, org string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM approval_webhooks WHERE org_id = $1`, org)
		if err == nil && n == 0 {
			return tx.Refuse(errNoWebhook)
		}
		tx.Record(ev)
		return err
	})
}
