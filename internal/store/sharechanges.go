package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// ClaimShares implements sharing.Store. Mostly there is nothing to claim, and
// then nothing is written.
func (db *DB) ClaimShares(ctx context.Context, user, email string, at time.Time) error {
	var one int
	const open = `recipient_email = $1 AND recipient_id = '' AND recipient_type = 'external_email'`
	found, err := db.Row(ctx, `SELECT 1 FROM shares WHERE `+open+` LIMIT 1`, []any{email}, &one)
	if err != nil || !found {
		return err
	}
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE shares SET recipient_id = $2, accepted_at = $3 WHERE `+open, email, user, micros(at))
		return err
	})
}

// TryPassphrase implements sharing.Store.
func (db *DB) TryPassphrase(ctx context.Context, org, id string, at time.Time) error {
	return db.Write(ctx, org, func(tx Tx) error {
		var tries sharing.Tries
		var until int64
		found, err := tx.Row(`SELECT failed_count, locked_until FROM shares WHERE id = $1`, []any{id}, &tries.Failed, &until)
		if err == nil && !found {
			return tx.Refuse(sharing.ErrNoShare)
		}
		if err != nil {
			return err
		}
		tries.Locked = fromMicros(until)
		if tries, err = tries.Next(at); err != nil {
			return tx.Refuse(err)
		}
		_, err = tx.Exec(`UPDATE shares SET failed_count = $2, locked_until = $3 WHERE id = $1`, id, tries.Failed, micros(tries.Locked))
		return err
	})
}

// SpendShare implements sharing.Store. A lock that came while the passphrase was
// compared counted it as wrong: it is lifted.
func (db *DB) SpendShare(ctx context.Context, s *sharing.Share, v *vault.Version, forgive bool, ev *audit.Event) (int64, error) {
	var count int64
	err := db.Write(ctx, s.Org, func(tx Tx) error {
		if v.MaxAccess > 0 {
			n, err := tx.Exec(`UPDATE secret_versions SET access_count = access_count + 1
				WHERE vault_id = $1 AND path = $2 AND version = $3 AND access_count < max_access_count AND deleted_at IS NULL`,
				v.Vault, v.Path, int64(v.Meta.Version))
			if err == nil && n == 0 {
				err = tx.Refuse(vault.ErrGone)
			}
			if err != nil {
				return err
			}
		}
		found, err := tx.Row(`UPDATE shares SET access_count = access_count + 1, failed_count = failed_count - $2,
				locked_until = CASE WHEN $2 > 0 THEN 0 ELSE locked_until END,
				accepted_at = CASE WHEN $5 > 0 THEN COALESCE(accepted_at, $3) ELSE accepted_at END
			WHERE id = $1 AND expires_at > $3 AND (max_access_count = 0 OR access_count < max_access_count)
				AND revoked_at IS NULL AND declined_at IS NULL AND (accepted_at IS NOT NULL OR recipient_type = $4 OR $5 > 0)
			RETURNING access_count`, []any{s.ID, number(forgive), micros(ev.At), string(sharing.ToLink), number(s.ByMail)}, &count)
		if err == nil && !found {
			return tx.goneOrRevoked(s.ID)
		}
		tx.Wrote()
		tx.Record(ev)
		return err
	})
	return count, err
}

// goneOrRevoked says why a share gave nothing.
func (tx Tx) goneOrRevoked(id string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM shares WHERE id = $1 AND revoked_at IS NULL AND declined_at IS NULL`, []any{id}, &one)
	switch {
	case err != nil:
		return err
	case !found:
		return sharing.ErrNoShare
	}
	return sharing.ErrGone
}

// AcceptShare implements sharing.Store.
func (db *DB) AcceptShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error {
	return db.changeShare(ctx, org, ev, `UPDATE shares SET accepted_at = COALESCE(accepted_at, $2)
		WHERE id = $1 AND declined_at IS NULL AND revoked_at IS NULL`, id, micros(at))
}

// DeclineShare implements sharing.Store.
func (db *DB) DeclineShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error {
	return db.changeShare(ctx, org, ev, `UPDATE shares SET declined_at = COALESCE(declined_at, $2)
		WHERE id = $1 AND revoked_at IS NULL`, id, micros(at))
}

// RevokeShare implements sharing.Store.
func (db *DB) RevokeShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error {
	return db.changeShare(ctx, org, ev, `UPDATE shares SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, micros(at))
}

func (db *DB) changeShare(ctx context.Context, org string, ev *audit.Event, query string, args ...any) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(query, args...)
		if err == nil && n == 0 {
			return tx.Refuse(sharing.ErrNoShare)
		}
		tx.Record(ev)
		return err
	})
}

// Notice implements sharing.Store: of two nodes that found s one moves it on.
func (db *DB) Notice(ctx context.Context, s *sharing.Share, at time.Time) (mine bool, err error) {
	err = db.Write(ctx, s.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE shares SET notified_at = $2, notified_count = $3 WHERE id = $1 AND notified_count = $4`,
			s.ID, micros(at), s.AccessCount, s.NotifiedCount)
		mine = n == 1
		return err
	})
	return mine, err
}
