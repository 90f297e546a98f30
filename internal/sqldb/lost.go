package sqldb

import (
	"context"

	"errors"
	"slices"
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

// batchTime bounds a transaction on PostgreSQL, from connecting to the commit:
// callers get an answer also when the network swallows everything. longBatch is
// for what deletes very many rows.
const (
	batchTime = 2 * time.Second
	longBatch = 10 * time.Second
)

// A request that finds nothing when it reads has to record that it failed: both
// together must leave its caller an answer within 5 s.
const _ = uint(5*time.Second - postgresQueryTime - batchTime)

// deadline is the batch's context.
func (w *writer) deadline(batch []*op) (context.Context, context.CancelFunc) {
	switch {
	case !w.db.eng.Postgres:
		return context.Background(), func() {}
	case slices.ContainsFunc(batch, func(o *op) bool { return o.long }):
		return context.WithTimeout(context.Background(), longBatch)
	}
	return context.WithTimeout(context.Background(), batchTime)
}

// turnAway answers a batch that is not tried.
func turnAway(batch []*op) {
	for _, o := range batch {
		o.err = errAway
		o.done <- struct{}{}
	}
}

// rollback leaves the connection clean, or drops it.
func (w *writer) rollback(ctx context.Context) {
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
func (w *writer) drop() {
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
