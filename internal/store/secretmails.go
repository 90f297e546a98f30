package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// ClaimSecretMails implements wanted.NoticeStore, as ClaimMails does it for approvals.
func (db *DB) ClaimSecretMails(ctx context.Context, now, lease time.Time) (out []wanted.Request, found bool, err error) {
	var org string
	const due = `SELECT org_id FROM secret_requests WHERE mail_at <= $1 ORDER BY mail_at LIMIT 1`
	if found, err = db.Row(ctx, due, []any{micros(now)}, &org); err != nil || !found {
		return nil, false, err // the usual case costs no write
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		out = nil
		var err error
		if found, err = tx.Row(due, []any{micros(now)}, &org); err != nil || !found {
			return err
		}
		var sent int64
		var last sql.NullInt64
		if _, err := tx.Row(`SELECT COUNT(DISTINCT mailed_at), MAX(mailed_at) FROM secret_requests WHERE org_id = $1 AND mailed_at > $2`,
			[]any{org, micros(now.Add(-approval.MailMemory))}, &sent, &last); err != nil {
			return err
		}
		if next, early := approval.NextMails(sent, fromNull(last), now); early {
			_, err := tx.Exec(`UPDATE secret_requests SET mail_at = $3 WHERE org_id = $1 AND mail_at <= $2`, org, micros(now), micros(next))
			return err
		}
		if err := tx.Each(selectWanted+`WHERE org_id = $1 AND mail_at <= $2 ORDER BY created_at, id LIMIT $3`, []any{org, micros(now), wanted.MaxClaimed}, func(rows *sql.Rows) error {
			var row wantedRow
			err := rows.Scan(row.fields()...)
			out = append(out, row.request())
			return err
		}); err != nil {
			return err
		}
		for i := range out {
			if _, err := tx.Exec(`UPDATE secret_requests SET mail_at = $2, mailed_at = $3 WHERE id = $1`, out[i].ID, micros(lease), micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
	return out, found && err == nil, err
}

// SecretMailsOut implements wanted.NoticeStore.
func (db *DB) SecretMailsOut(ctx context.Context, ids []string, lease time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`UPDATE secret_requests SET mail_at = NULL WHERE id = $1 AND mail_at = $2`, id, micros(lease)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Emails implements wanted.NoticeStore.
func (db *DB) Emails(ctx context.Context, users []string) (out []string, err error) {
	for _, id := range users {
		var email string
		found, err := db.Row(ctx, `SELECT email FROM users WHERE id = $1`, []any{id}, &email)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, email)
		}
	}
	return out, nil
}
