package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// CountAttempt implements identity.AttemptStore. Attempts that have to wait cost a
// read only; of those that are made at once each waits for the row, and sees
// what the one before it wrote.
func (db *DB) CountAttempt(ctx context.Context, g *identity.Attempt, now time.Time) error {
	known, err := db.countersOf(ctx, g)
	if err != nil {
		return err
	}
	counters, wait := g.Against(known, now)
	if wait > 0 {
		return identity.TooMany(wait)
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		for i := range counters {
			ok, err := tx.countAttempt(&counters[i], now)
			if err == nil && !ok {
				// Counted by another meanwhile.
				var until int64
				if _, err = tx.Row(`SELECT blocked_until FROM guesses WHERE id = $1`, []any{counters[i].ID}, &until); err != nil {
					return err
				}
				if err = identity.TooMany(max(fromMicros(until).Sub(now), time.Second)); i == 0 {
					err = tx.Refuse(err)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		g.Counted.Store(len(counters) > 1)
	}
	return err
}

// countersOf reads the counters of g, by their ids.
func (db *DB) countersOf(ctx context.Context, g *identity.Attempt) (map[string]identity.Standing, error) {
	out := map[string]identity.Standing{}
	// One statement a counter: how many there are differs.
	for _, c := range append([]identity.Counter{g.Here}, g.Others...) {
		var seen, barred, trusted int64
		found, err := db.Row(ctx, `SELECT seen_at, blocked_until, trusted_until FROM guesses WHERE id = $1`, []any{c.ID}, &seen, &barred, &trusted)
		if err != nil {
			return nil, err
		}
		if found {
			out[c.ID] = identity.Standing{Seen: fromMicros(seen), Barred: fromMicros(barred), Trusted: fromMicros(trusted)}
		}
	}
	return out, nil
}

// countAttempt is false when the counter makes the attempt wait.
func (tx Tx) countAttempt(c *identity.Counter, now time.Time) (bool, error) {
	var failures int64
	found, err := tx.Row(`INSERT INTO guesses (id, failures, blocked_until, trusted_until, seen_at) VALUES ($1, 1, 0, 0, $2)
		ON CONFLICT (id) DO UPDATE SET failures = CASE WHEN guesses.seen_at < $3 THEN 1 ELSE guesses.failures + 1 END,
			blocked_until = 0, seen_at = excluded.seen_at
		WHERE guesses.blocked_until <= $4 OR guesses.seen_at > $5 RETURNING failures`,
		[]any{c.ID, micros(now), micros(now.Add(-c.Forget)), micros(now), micros(now.Add(identity.SetBack))}, &failures)
	if err != nil || !found {
		return false, err
	}
	tx.Wrote()
	if d := c.Delay(failures); d > 0 {
		_, err = tx.Exec(`UPDATE guesses SET blocked_until = $2 WHERE id = $1`, c.ID, micros(now.Add(d)))
	}
	return true, err
}

// ForgiveAttempt implements identity.AttemptStore. Of counters that others share
// only this attempt is taken back, if it was counted there: who has an account of
// its own must not wipe out its attempts at others', nor may a login show in how
// long strangers wait.
func (db *DB) ForgiveAttempt(ctx context.Context, g *identity.Attempt, trusted time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE guesses SET failures = 0, blocked_until = 0 WHERE id = $1`, g.Here.ID)
		if err == nil && !trusted.IsZero() {
			_, err = tx.Exec(`INSERT INTO guesses (id, failures, blocked_until, trusted_until, seen_at) VALUES ($1, 0, 0, $2, 0)
				ON CONFLICT (id) DO UPDATE SET trusted_until = excluded.trusted_until WHERE guesses.trusted_until < excluded.trusted_until`,
				g.Here.ID, micros(trusted))
		}
		if !g.Counted.Load() {
			return err
		}
		for _, c := range g.Others {
			if err == nil { // it was not barred before this attempt
				_, err = tx.Exec(`UPDATE guesses SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END, blocked_until = 0
					WHERE id = $1`, c.ID)
			}
		}
		return err
	})
}

// Sweep implements identity.AttemptStore.
func (db *DB) Sweep(ctx context.Context, now, unseen time.Time) error {
	if !db.BelievesClock() {
		return nil
	}
	if err := db.NoteTime(ctx); err != nil {
		return err
	}
	var some int
	for _, q := range []struct {
		find, del string
		args      []any
	}{
		{`SELECT 1 FROM guesses WHERE seen_at < $1 AND trusted_until < $2 LIMIT 1`,
			`DELETE FROM guesses WHERE seen_at < $1 AND trusted_until < $2`, []any{sqldb.LongAgo(unseen), sqldb.LongAgo(now)}},
		{`SELECT 1 FROM mfa_challenges WHERE expires_at < $1 LIMIT 1`, `DELETE FROM mfa_challenges WHERE expires_at < $1`, []any{sqldb.LongAgo(now)}},
		{`SELECT 1 FROM passkey_challenges WHERE expires_at < $1 LIMIT 1`, `DELETE FROM passkey_challenges WHERE expires_at < $1`, []any{sqldb.LongAgo(now)}},
		{`SELECT 1 FROM passkeys WHERE removed_at < $1` + letNobodyIn + ` LIMIT 1`, `DELETE FROM passkeys WHERE removed_at < $1` + letNobodyIn,
			[]any{micros(now.Add(-identity.SessionKept))}},
		{`SELECT 1 FROM gone WHERE gone_at < $1 LIMIT 1`, `DELETE FROM gone WHERE gone_at < $1`, []any{sqldb.LongAgo(now.Add(-account.GoneKept))}},
		{`SELECT 1 FROM sessions WHERE expires_at < $1` + madeNothing + ` LIMIT 1`, `DELETE FROM sessions WHERE expires_at < $1` + madeNothing,
			[]any{micros(now.Add(-identity.SessionKept))}},
		{`SELECT 1 FROM mail_tokens WHERE expires_at < $1 LIMIT 1`, `DELETE FROM mail_tokens WHERE expires_at < $1`, []any{sqldb.LongAgo(now)}},
	} {
		// Most of the time there is nothing: no commit for that.
		found, err := db.Row(ctx, q.find, q.args, &some)
		if err == nil && found {
			err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error { _, err := tx.Sweep(q.del, q.args...); return err })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
