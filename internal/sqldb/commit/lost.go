package commit

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// lostError says that the database did not answer, so that no op is to blame.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// isLost reports whether the database did not answer: not at all, or not in time.
func isLost(err error) bool {
	return errors.As(err, new(*lostError)) || errors.Is(err, context.DeadlineExceeded)
}

// lost is Wrap for a database that did not answer.
func lost(what string, err error) error {
	return driver.Wrap(what, &lostError{err})
}

// unknown is the failure of a commit whose answer did not come.
func unknown(err error) error {
	return fault.Wrap(&lostError{err}, fault.Unavailable, "outcome_unknown",
		"The database went away while it took this write. It may have been done: look before you try again.")
}

// ErrAway is the error of what is refused because the database answers nothing.
var ErrAway = &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", RetryAfter: time.Second,
	Detail: "The database does not answer. Nothing was changed. Try again."}

var errClosed = fault.New(fault.Unavailable, "shutting_down", "The server is stopping. Try again in a moment.")

// turnAway answers a batch that is not tried.
func turnAway(batch []*op) {
	for _, o := range batch {
		o.err = ErrAway
		o.end()
	}
}

// rollback leaves the connection clean, or drops it.
func (w *Writer) rollback(ctx context.Context) {
	clear(w.heads)
	if ctx.Err() != nil { // the connection did not answer: it will not now
		w.drop()
		return
	}
	if _, err := w.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		w.drop()
	}
}

// drop closes the connection; the next batch opens another.
func (w *Writer) drop() {
	clear(w.heads)
	for q, s := range w.stmts {
		_ = s.Close()
		delete(w.stmts, q)
	}
	if w.conn != nil {
		driver.HangUp(w.conn)
	}
	w.conn, w.synced = nil, true
	w.dropAppend() // what broke one has mostly broken the other, as a failover does
}
