package sqldb

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/wallclock"
)

// timeSeen is the row of meta with the latest time that a node believed.
const timeSeen = `SELECT value FROM meta WHERE name = 'time_seen'`

// watchClock reads what was seen before and begins to watch. Of a clock that is
// set nobody says what is steady: it counts as such.
func (db *DB) watchClock(ctx context.Context, cfg Config) error {
	steady := cfg.Steady
	switch {
	case steady != nil:
	case cfg.Clock != nil:
		began := cfg.Clock()
		steady = func() time.Duration { return cfg.Clock().Sub(began) }
	default:
		steady = wallclock.Steady
	}
	var at int64
	found, err := db.Row(ctx, timeSeen, nil, &at)
	if err == nil {
		db.watch = wallclock.New(db.clock, steady, db.log, time.UnixMicro(at).UTC(), found)
	}
	return err
}

// NoteTime keeps the latest time that a node believed. The lock on the audit head
// lets one node do it at a time.
func (db *DB) NoteTime(ctx context.Context) error {
	return db.Write(ctx, []string{audit.SystemOrg}, commit.WorkFunc(func(tx *commit.Tx) error {
		_, err := tx.Sweep(`INSERT INTO meta (name, value) VALUES ('time_seen', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value`, db.ByClock().UnixMicro())
		return err
	}))
}

// ClockOff is how far the clock now is outside of what a server that starts
// believes: before the latest time seen, or long after it. Zero is believed.
func (db *DB) ClockOff(ctx context.Context, now time.Time) (time.Duration, error) {
	var at int64
	found, err := db.Row(ctx, timeSeen, nil, &at)
	if err != nil || !found {
		return 0, err
	}
	return wallclock.Off(now, time.UnixMicro(at).UTC()), nil
}

// BelievesClock looks at the clock, and reports whether what ends by it may be
// deleted for good.
func (db *DB) BelievesClock() bool { return db.watch.Believes() }

// LongAgo is the end of rows that may go at now.
func LongAgo(now time.Time) int64 { return now.Add(-wallclock.Grace).UnixMicro() }
