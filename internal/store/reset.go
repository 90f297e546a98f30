package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// AddMailToken implements account.MailTokenStore.
func (db *DB) AddMailToken(ctx context.Context, user string, t account.MailToken) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		if err := tx.alive(user); err != nil {
			return err
		}
		return tx.addMailToken(user, &t)
	})
}

func (tx Tx) addMailToken(user string, t *account.MailToken) error {
	_, err := tx.Exec(`INSERT INTO mail_tokens (token_hash, user_id, purpose, expires_at) VALUES ($1, $2, $3, $4)`,
		t.Hash, user, t.Purpose, micros(t.ExpiresAt))
	return err
}

// ResetPassword implements account.MailTokenStore. Of several tokens that are used
// at once the first to be deleted wins: it takes the others with it.
func (db *DB) ResetPassword(ctx context.Context, org, user, tokenHash, hash string, now time.Time, ev *audit.Event) error {
	return db.writeOf(ctx, org, user, func(tx Tx, all endings) error {
		n, err := tx.Exec(`DELETE FROM mail_tokens WHERE token_hash = $1 AND user_id = $2 AND purpose = $3 AND expires_at > $4`,
			tokenHash, user, account.PurposeReset, micros(now))
		if err == nil && n == 0 {
			return tx.Refuse(errNoSuchMail)
		}
		if err == nil {
			err = tx.endSessions(all, org, user, account.Kept{At: now})
		}
		var verified int64
		if err == nil {
			_, err = tx.Row(`SELECT email_verified FROM users WHERE id = $1`, []any{user}, &verified)
		}
		statements := []commit.Stmt{
			stmt(`DELETE FROM mail_tokens WHERE user_id = $1`, user),
			stmt(`DELETE FROM mfa_challenges WHERE user_id = $1`, user),
		}
		if account.FirstProof(verified != 0) {
			if err == nil {
				err = tx.endKeys(all, now, user, `1 = 1`)
			}
			statements = append(statements, stmt(`UPDATE passkeys SET removed_at = $2 WHERE user_id = $1 AND removed_at IS NULL`, user, micros(now)),
				stmt(`DELETE FROM passkey_challenges WHERE user_id = $1`, user), stmt(`DELETE FROM user_totp WHERE user_id = $1`, user),
				stmt(`DELETE FROM recovery_codes WHERE user_id = $1`, user), stmt(`UPDATE users SET totp = 0 WHERE id = $1`, user))
		}
		for _, s := range append(statements,
			stmt(`UPDATE users SET password_hash = $2, email_verified = 1, token_gen = token_gen + 1, token_kept = '' WHERE id = $1`, user, hash)) {
			if err == nil {
				n, err = tx.Exec(s.Query, s.Args...)
			}
		}
		if err == nil && n == 0 {
			err = errNoSuchMail
		}
		tx.recordAll(all, ev)
		return err
	})
}
