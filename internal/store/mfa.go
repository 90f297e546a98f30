package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

var errNoChallenge = fault.New(fault.NotFound, "challenge_not_found", "There is no such challenge.")

// AddChallenge implements account.MFAStore.
func (db *DB) AddChallenge(ctx context.Context, ch account.Challenge, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, ch.Org, func(tx Tx) error {
		if err := tx.alive(ch.User); err != nil {
			return err
		}
		_, err := tx.Sweep(`DELETE FROM mfa_challenges WHERE expires_at < $1`, sqldb.LongAgo(now))
		if err == nil {
			_, err = tx.Exec(`INSERT INTO mfa_challenges (token_hash, user_id, org_id, token_gen, kind, attempts, expires_at)
				VALUES ($1, $2, $3, $4, $5, 0, $6)`, ch.Hash, ch.User, ch.Org, ch.TokenGen, ch.Kind, micros(ch.ExpiresAt))
		}
		tx.Record(ev)
		return err
	})
}

// TryChallenge implements account.MFAStore. Counting and reading are one
// statement: whoever asks at the same time is counted too.
func (db *DB) TryChallenge(ctx context.Context, hash string, most int64, now time.Time) (account.Challenge, error) {
	ch := account.Challenge{Hash: hash}
	err := db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var ends int64
		found, err := tx.Row(`UPDATE mfa_challenges SET attempts = attempts + 1
			WHERE token_hash = $1 AND attempts < $2 AND expires_at > $3
			RETURNING user_id, org_id, token_gen, kind, expires_at`,
			[]any{hash, most, micros(now)}, &ch.User, &ch.Org, &ch.TokenGen, &ch.Kind, &ends)
		if err == nil && !found {
			return tx.Refuse(errNoChallenge)
		}
		ch.ExpiresAt = fromMicros(ends)
		return err
	})
	return ch, err
}

// FinishChallenge implements account.MFAStore. The code goes first: that is
// what several may try to spend at once.
func (db *DB) FinishChallenge(ctx context.Context, ch account.Challenge, f account.Factor, ev *audit.Event) error {
	return db.Write(ctx, ch.Org, func(tx Tx) error {
		n, err := tx.spendFactor(ch.User, &f)
		if err == nil && n == 0 {
			return tx.Refuse(errNoChallenge)
		}
		for _, s := range []commit.Stmt{
			stmt(`DELETE FROM mfa_challenges WHERE token_hash = $1`, ch.Hash),
			stmt(`UPDATE users SET totp = 1 WHERE id = $1 AND token_gen = $2 AND totp = 1`, ch.User, ch.TokenGen),
		} {
			if err == nil {
				n, err = tx.Exec(s.Query, s.Args...)
			}
			if err == nil && n == 0 {
				err = errNoChallenge
			}
		}
		tx.Record(ev)
		return err
	})
}

// spendFactor touches a row when the code was not accepted before.
func (tx Tx) spendFactor(user string, f *account.Factor) (int64, error) {
	if f.Recovery != "" {
		return tx.Exec(`DELETE FROM recovery_codes WHERE code_hash = $1 AND user_id = $2`, f.Recovery, user)
	}
	return tx.Exec(`UPDATE user_totp SET last_step = $2 WHERE user_id = $1 AND enabled = 1 AND last_step < $2`, user, f.Step)
}

var errNoTOTP = fault.New(fault.NotFound, "totp_not_found", "There is no such second factor.")

// TOTP implements account.MFAStore.
func (db *DB) TOTP(ctx context.Context, user string) (account.TOTP, error) {
	t := account.TOTP{User: user}
	var enabled int64
	found, err := db.Row(ctx, `SELECT wrapped, sealed, enabled, last_step FROM user_totp WHERE user_id = $1`, []any{user},
		&t.Box.WrappedDEK, &t.Box.Ciphertext, &enabled, &t.LastStep)
	if err == nil && !found {
		err = errNoTOTP
	}
	t.Enabled = enabled != 0
	return t, err
}

var errTOTPOn = fault.New(fault.Conflict, "totp_enabled", "A second factor is on already.")

// SetUpTOTP implements account.MFAStore.
func (db *DB) SetUpTOTP(ctx context.Context, org string, t account.TOTP, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(t.User); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO user_totp (user_id, wrapped, sealed, enabled, last_step, created_at)
			VALUES ($1, $2, $3, 0, 0, $4)
			ON CONFLICT (user_id) DO UPDATE SET wrapped = excluded.wrapped, sealed = excluded.sealed, created_at = excluded.created_at
			WHERE user_totp.enabled = 0`, t.User, t.Box.WrappedDEK, t.Box.Ciphertext, micros(now))
		if err == nil && n == 0 {
			return tx.Refuse(errTOTPOn)
		}
		tx.Record(ev)
		return err
	})
}

// EnableTOTP implements account.MFAStore.
func (db *DB) EnableTOTP(ctx context.Context, org string, t account.TOTP, codes []string, kept account.Kept, ev *audit.Event) error {
	return db.writeOf(ctx, org, t.User, func(tx Tx, all endings) error {
		n, err := tx.Exec(`UPDATE user_totp SET enabled = 1, last_step = $3 WHERE user_id = $1 AND wrapped = $2 AND enabled = 0`,
			t.User, t.Box.WrappedDEK, t.LastStep)
		if err == nil && n == 0 {
			return tx.Refuse(errNoTOTP)
		}
		if err == nil {
			err = tx.setTOTP(all, org, t.User, 1, kept)
		}
		for _, hash := range codes {
			if err == nil {
				_, err = tx.Exec(`INSERT INTO recovery_codes (code_hash, user_id) VALUES ($1, $2)`, hash, t.User)
			}
		}
		tx.recordAll(all, ev)
		return err
	})
}

// setTOTP forgets the recovery codes and challenges of before.
func (tx Tx) setTOTP(all endings, org, user string, on int64, kept account.Kept) error {
	_, err := tx.Exec(`UPDATE users SET totp = $2, token_gen = token_gen + 1, token_kept = $3 WHERE id = $1`, user, on, kept.Token)
	if err == nil {
		_, err = tx.Exec(`DELETE FROM recovery_codes WHERE user_id = $1`, user)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM mfa_challenges WHERE user_id = $1`, user)
	}
	if err == nil {
		err = tx.endLogins(all, org, user, kept)
	}
	return err
}

// DisableTOTP implements account.MFAStore.
func (db *DB) DisableTOTP(ctx context.Context, org, user string, f account.Factor, kept account.Kept, ev *audit.Event) error {
	return db.writeOf(ctx, org, user, func(tx Tx, all endings) error {
		n, err := tx.spendFactor(user, &f)
		if err == nil && n == 0 {
			return tx.Refuse(errNoTOTP)
		}
		if err == nil {
			n, err = tx.Exec(`DELETE FROM user_totp WHERE user_id = $1 AND enabled = 1`, user)
		}
		if err == nil && n == 0 {
			return errNoTOTP
		}
		if err == nil {
			err = tx.setTOTP(all, org, user, 0, kept)
		}
		tx.recordAll(all, ev)
		return err
	})
}
