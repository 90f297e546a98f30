package commit

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// refuseFor is how long nobody is made to wait for the writer after a batch got no
// answer in time. The next one after that tries again.
const refuseFor = time.Second

// logHealth follows whether the log can be written.
type logHealth struct {
	until atomic.Int64 // refuse until then: Unix nanoseconds, 0 when all is well

	mu  sync.Mutex
	err error // of the last batch that failed by the database's fault; nil once one was committed

	torn atomic.Bool // the database said that its files are broken: until a restart
}

// refuses reports whether a write would wait for nothing.
func (w *Writer) refuses() bool {
	if w.cfg.Away != nil && w.cfg.Away() {
		return true
	}
	until := w.health.until.Load()
	return until != 0 && w.cfg.Now().UnixNano() < until
}

// Ailing returns why the log can't be written: what the last batch failed by, if that
// was the database's fault.
func (w *Writer) Ailing() error { return w.health.ailing() }

// Torn reports whether a batch found the database damaged.
func (w *Writer) Torn() bool { return w.health.torn.Load() }

// note takes what became of a batch.
func (w *logHealth) note(now time.Time, err error) {
	if driver.Damaged(err) { // what else is written lies on other pages, and says nothing of these
		w.torn.Store(true)
	}
	if err == nil && w.until.Load() == 0 {
		return // all is well, as ever
	}
	if err != nil && !ailment(err) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	switch {
	case err == nil:
		w.until.Store(0)
	case driver.Late(err) || driver.Busy(err):
		w.until.Store(now.Add(refuseFor).UnixNano())
	default:
		w.until.Store(1)
	}
}

// ailing returns why the log can't be written.
func (w *logHealth) ailing() error {
	if w.until.Load() == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// stageError marks a failure of what is done for a batch as a whole: its beginning,
// its events, its commit. What an op's own statement did wrong is none.
type stageError struct{ err error }

func (e *stageError) Error() string { return e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

// OfAll marks such a failure.
func OfAll(err error) error { return &stageError{err} }

// stage is Wrap for such a failure.
func stage(what string, err error) error { return driver.Wrap(what, &stageError{err}) }

// ailment reports whether a batch failed by the database's fault.
func ailment(err error) bool {
	return isLost(err) || errors.As(err, new(*stageError)) || driver.Unwritable(err)
}
