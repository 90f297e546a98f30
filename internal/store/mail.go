package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
)

// AddMail implements mail.Queue.
func (db *DB) AddMail(ctx context.Context, m mail.Queued) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO mail_queue (id, wrapped, sealed, attempts, next_at, created_at, give_up_at)
			VALUES ($1, $2, $3, 0, $4, $4, $5)`,
			m.ID, m.Box.WrappedDEK, m.Box.Ciphertext, micros(m.CreatedAt), micros(m.GiveUpAt))
		return err
	})
}

// MailDue implements mail.Queue.
func (db *DB) MailDue(ctx context.Context) (time.Time, bool, error) {
	var at sql.NullInt64
	_, err := db.Row(ctx, `SELECT MIN(next_at) FROM mail_queue`, nil, &at)
	return fromNull(at), at.Valid, err
}

// ClaimMail implements mail.Queue. The condition stands twice: where two nodes
// chose the same row, the one that comes second finds it moved.
func (db *DB) ClaimMail(ctx context.Context, now, lease time.Time) (m mail.Queued, found bool, err error) {
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var created, giveUp int64
		m = mail.Queued{}
		var err error
		found, err = tx.Row(`UPDATE mail_queue SET next_at = $2, attempts = attempts + 1
			WHERE next_at <= $1 AND id = (SELECT id FROM mail_queue WHERE next_at <= $1 ORDER BY next_at LIMIT 1)
			RETURNING id, wrapped, sealed, attempts, created_at, give_up_at`,
			[]any{micros(now), micros(lease)},
			&m.ID, &m.Box.WrappedDEK, &m.Box.Ciphertext, &m.Attempts, &created, &giveUp)
		m.CreatedAt, m.GiveUpAt = fromMicros(created), fromMicros(giveUp)
		return err
	})
	return m, found && err == nil, err
}

// RetryMail implements mail.Queue.
func (db *DB) RetryMail(ctx context.Context, id string, attempts int, at time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE mail_queue SET next_at = $3 WHERE id = $1 AND attempts = $2`, id, attempts, micros(at))
		return err
	})
}

// RemoveMail implements mail.Queue.
func (db *DB) RemoveMail(ctx context.Context, id string) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`DELETE FROM mail_queue WHERE id = $1`, id)
		return err
	})
}
