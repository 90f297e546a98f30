// Package wallclock says whether the machine's clock is to be believed.
//
// Its promise: what grants something by its absence, such as a token that was
// revoked, is not deleted because somebody set the clock ahead.
package wallclock

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// Grace is how long past their end rows are kept whose absence grants
	// something. A start cannot tell a clock that is ahead from a server that was
	// off: a clock ahead by less than this sweeps nothing too early, and one ahead
	// by more is not believed.
	Grace = 7 * 24 * time.Hour
	// Skew is how far the clocks of nodes that share a database may differ.
	Skew = time.Minute
	// maxJump is how far the wall clock may leave the steady one in settleTime: more
	// than time servers correct a running clock by.
	maxJump = 2 * time.Minute
	// settleTime is how long a clock that jumped has to run evenly until it is believed.
	settleTime = 24 * time.Hour
)

// A Watch compares the wall clock with one that nobody sets, and says whether what
// ends by the wall clock may be deleted for good.
type Watch struct {
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

// New starts from the time that was seen before; found is false on a database
// that has none.
func New(wall func() time.Time, steady func() time.Duration, log *slog.Logger, seen time.Time, found bool) *Watch {
	w := &Watch{wall: wall, steady: steady, log: log, believed: true}
	at, offset := w.read()
	w.low, w.high, w.redraw = offset-maxJump, offset+maxJump, at
	if found {
		w.low = time.Duration(seen.Add(-Skew).UnixNano()) - at
		w.high = time.Duration(seen.Add(Grace).UnixNano()) - at
	}
	w.Believes()
	return w
}

func (w *Watch) read() (steady, offset time.Duration) {
	steady = w.steady()
	return steady, time.Duration(w.wall().UnixNano()) - steady
}

// Believes looks at both clocks, and tells of a jump once.
func (w *Watch) Believes() bool {
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
func (w *Watch) believe(at, offset time.Duration, draw bool) {
	if w.believed = true; draw {
		w.low, w.high, w.redraw = offset-maxJump, offset+maxJump, at+settleTime
	}
}

// Off is how far now is outside of what a watch believes that starts from the time
// that was seen before. Zero is believed.
func Off(now, seen time.Time) time.Duration {
	past := now.Sub(seen)
	if past >= -Skew && past <= Grace {
		return 0
	}
	return past
}
