package store

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

const (
	// sweepGrace is how long past their end rows are kept whose absence grants
	// something. A start cannot tell a clock that is ahead from a server that was
	// off: a clock ahead by less than this sweeps nothing too early, and one ahead
	// by more is not believed.
	sweepGrace = 7 * 24 * time.Hour
	// clockSkew is how far the clocks of nodes that share a database may differ.
	clockSkew = time.Minute
	// maxJump is how far the wall clock may leave the steady one in settleTime: more
	// than time servers correct a running clock by.
	maxJump = 2 * time.Minute
	// settleTime is how long a clock that jumped has to run evenly until it is believed.
	settleTime = 24 * time.Hour
)

// timeSeen is the row of meta with the latest time that a node believed.
const timeSeen = `SELECT value FROM meta WHERE name = 'time_seen'`

// watch compares the wall clock with one that nobody sets, and says whether what
// ends by the wall clock may be deleted for good.
type watch struct {
	wall   func() time.Time
	steady func() time.Duration
	log    *slog.Logger

	mu       sync.Mutex
	believed bool
	// What wall minus steady may be for the clock to be believed, and when (steady)
	// these bounds are drawn anew.
	low, high, redraw time.Duration
	// After a jump: wall minus steady, and since when (steady) it is that.
	jumped, since time.Duration
}

// newWatch starts from the time that was seen before; found is false on a database
// that has none.
func newWatch(wall func() time.Time, steady func() time.Duration, log *slog.Logger, seen time.Time, found bool) *watch {
	w := &watch{wall: wall, steady: steady, log: log, believed: true}
	at, offset := w.read()
	w.low, w.high, w.redraw = offset-maxJump, offset+maxJump, at
	if found {
		w.low = time.Duration(seen.Add(-clockSkew).UnixNano()) - at
		w.high = time.Duration(seen.Add(sweepGrace).UnixNano()) - at
	}
	w.believes()
	return w
}

func (w *watch) read() (steady, offset time.Duration) {
	steady = w.steady()
	return steady, time.Duration(w.wall().UnixNano()) - steady
}

// believes looks at both clocks, and tells of a jump once.
func (w *watch) believes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, offset := w.read()
	switch {
	case offset >= w.low && offset <= w.high:
		if !w.believed {
			w.log.Info("the clock is back: what has ended is swept again")
		}
		w.believe(at, offset, at >= w.redraw)
	case w.believed || (offset-w.jumped).Abs() > maxJump:
		by := offset - w.high
		if offset < w.low {
			by = offset - w.low
		}
		w.believed, w.jumped, w.since = false, offset, at
		w.log.Warn("the clock jumped: nothing is swept until it is back, or has run evenly for a day",
			slog.Duration("by", by.Round(time.Second)), slog.Time("clock", w.wall()))
	case at-w.since >= settleTime:
		w.log.Info("the clock has run evenly for a day and is believed: what has ended is swept again")
		w.believe(at, offset, true)
	}
	return w.believed
}

// believe draws the bounds around the offset if they are due. They are not drawn
// anew at each look: many small jumps would never be seen.
func (w *watch) believe(at, offset time.Duration, draw bool) {
	if w.believed = true; draw {
		w.low, w.high, w.redraw = offset-maxJump, offset+maxJump, at+settleTime
	}
}

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
		steady = Steady
	}
	var at int64
	found, err := db.row(ctx, timeSeen, nil, &at)
	if err == nil {
		db.watch = newWatch(db.clock, steady, db.log, fromMicros(at), found)
	}
	return err
}

// noteTime keeps the latest time that a node believed. The lock on the audit head
// lets one node do it at a time.
func (db *DB) noteTime(ctx context.Context) error {
	return db.Write(ctx, audit.SystemOrg, func(tx *Tx) error {
		_, err := tx.sweep(`INSERT INTO meta (name, value) VALUES ('time_seen', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value`, micros(db.clock()))
		return err
	})
}

// ClockOff is how far the clock now is outside of what a server that starts
// believes: before the latest time seen, or long after it. Zero is believed.
func (db *DB) ClockOff(ctx context.Context, now time.Time) (time.Duration, error) {
	var at int64
	found, err := db.row(ctx, timeSeen, nil, &at)
	past := now.Sub(fromMicros(at))
	if err != nil || !found || past >= -clockSkew && past <= sweepGrace {
		return 0, err
	}
	return past, nil
}

// sweep runs a statement that deletes by time, unless the clock is not believed.
// Every deletion by time goes through it.
func (tx *Tx) sweep(query string, args ...any) (int64, error) {
	if !tx.w.db.watch.believes() {
		return 0, nil
	}
	return tx.exec(query, args...)
}

// longAgo is the end of rows that may go at now.
func longAgo(now time.Time) int64 { return micros(now.Add(-sweepGrace)) }
