package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// sharedTake decides and counts in one statement, by the clock of the database:
// clocks of nodes differ. $2 is what the requests cost, $3 what the bucket holds,
// both as microseconds until it is full again. When it is refused, the row's old
// time says when it would fit.
//
// It is PostgreSQL's own text: on SQLite there is one process, whose memory is exact.
const sharedTake = `WITH clock AS (SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT AS now),
	took AS (
		INSERT INTO rate_limits (id, full_at) SELECT $1, now + $2::BIGINT FROM clock
		ON CONFLICT (id) DO UPDATE SET full_at = GREATEST(rate_limits.full_at, EXCLUDED.full_at - $2::BIGINT) + $2::BIGINT
		WHERE rate_limits.full_at + $2::BIGINT <= EXCLUDED.full_at - $2::BIGINT + $3::BIGINT
		RETURNING id
	) SELECT (SELECT count(*) FROM took), COALESCE((SELECT full_at FROM rate_limits WHERE id = $1), 0) + $2::BIGINT - $3::BIGINT - now FROM clock`

// Take implements ratelimit.Shared: of the bucket that all nodes share under key, it
// takes n requests, or none and says when to ask again.
func (db *DB) Take(ctx context.Context, key string, perSecond float64, burst, n int) (time.Duration, error) {
	each := max(1, int64(float64(time.Second/time.Microsecond)/perSecond))
	sum := sha256.Sum256([]byte(key))
	var took, wait int64
	if _, err := db.Row(ctx, sharedTake, []any{hex.EncodeToString(sum[:]), each * int64(n), each * int64(burst)}, &took, &wait); err != nil {
		return 0, err
	}
	if took > 0 {
		return 0, nil
	}
	return max(time.Duration(wait)*time.Microsecond, time.Millisecond), nil
}

// SweepLimits drops the buckets that have been full for a minute.
func (db *DB) SweepLimits(ctx context.Context) error {
	if !db.Postgres() {
		return nil
	}
	return db.Exec(ctx, `DELETE FROM rate_limits WHERE full_at < (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT - 60000000`)
}
