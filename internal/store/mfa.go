package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

var errNoChallenge = fault.New(fault.NotFound, "challenge_not_found", "There is no such challenge.")

// AddChallenge implements identity.MFAStore.
func (db *DB) AddChallenge(ctx context.Context, ch identity.Challenge, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, ch.Org, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM mfa_challenges WHERE expires_at < $1`, micros(now))
		if err == nil {
			_, err = tx.exec(`INSERT INTO mfa_challenges (token_hash, user_id, org_id, token_gen, attempts, expires_at)
				VALUES ($1, $2, $3, $4, 0, $5)`, ch.Hash, ch.User, ch.Org, ch.TokenGen, micros(ch.ExpiresAt))
		}
		tx.record(ev)
		return err
	})
}

// TryChallenge implements identity.MFAStore. Counting and reading are one
// statement: whoever asks at the same time is counted too.
func (db *DB) TryChallenge(ctx context.Context, hash string, most int64, now time.Time) (identity.Challenge, error) {
	ch := identity.Challenge{Hash: hash}
	err := db.Write(ctx, audit.SystemOrg, func(tx *Tx) error {
		var ends int64
		found, err := tx.row(`UPDATE mfa_challenges SET attempts = attempts + 1
			WHERE token_hash = $1 AND attempts < $2 AND expires_at > $3
			RETURNING user_id, org_id, token_gen, expires_at`,
			[]any{hash, most, micros(now)}, &ch.User, &ch.Org, &ch.TokenGen, &ends)
		if err == nil && !found {
			return tx.refuse(errNoChallenge)
		}
		ch.ExpiresAt = fromMicros(ends)
		return err
	})
	return ch, err
}
