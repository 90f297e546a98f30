package sqldb

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// refuseFor is how long nobody is made to wait for the writer after a batch got no
// answer in time. The next one after that tries again.
const refuseFor = time.Second

// ward follows whether the log can be written.
type ward struct {
	until atomic.Int64 // refuse until then: Unix nanoseconds, 0 when all is well

	mu  sync.Mutex
	err error // of the last batch that failed by the database's fault; nil once one was committed

	torn atomic.Bool // the database said that its files are broken: until a restart
}

// refuses reports whether a write would wait for nothing.
func (w *ward) refuses(db *DB) bool {
	if db.answers.away.Load() {
		return true
	}
	until := w.until.Load()
	return until != 0 && db.now().UnixNano() < until
}

// note takes what became of a batch.
func (w *ward) note(now time.Time, err error) {
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
	case late(err) || driver.Busy(err):
		w.until.Store(now.Add(refuseFor).UnixNano())
	default:
		w.until.Store(1)
	}
}

// ailing returns why the log can't be written.
func (w *ward) ailing() error {
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

// stage is Wrap for such a failure.
func stage(what string, err error) error { return driver.Wrap(what, &stageError{err}) }

// ailment reports whether a batch failed by the database's fault.
func ailment(err error) bool {
	return isLost(err) || errors.As(err, new(*stageError)) || driver.Unwritable(err)
}

// Ready returns nil when the last batch was written, the database answers, and no batch
// found it damaged.
// Otherwise its code says what is wrong.
func (db *DB) Ready() error {
	if db.Away() {
		return fault.New(fault.Unavailable, "database_unavailable", "The database does not answer.")
	}
	if err := db.inPlace(); err != nil {
		return err
	}
	if db.writer.ward.torn.Load() {
		return fault.New(fault.Damaged, audit.CodeDamaged, "The database is damaged: stop the server, and run oneclaw doctor --full.")
	}
	if err := db.writer.ward.ailing(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "log_not_written", "The log can't be written: is the disk full, or the database held by somebody?")
	}
	return nil
}

// Unwritten reports whether the last batch failed by the database's fault, and the
// database answers.
func (db *DB) Unwritten() bool { return db.writer.ward.ailing() != nil && !db.Away() }
