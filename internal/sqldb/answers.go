package sqldb

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// How long one query may take, from the wait for a connection to its last row. A
// database that hangs looks like a slow one: a caller is told within these, and
// within commit.BatchTime for what it has to write.
const (
	postgresQueryTime = 2500 * time.Millisecond
	sqliteQueryTime   = 10 * time.Second // nothing hangs there but the disk
)

// A request that finds nothing when it reads has to record that it failed: both
// together must leave its caller an answer within 5 s.
const _ = uint(5*time.Second - postgresQueryTime - commit.BatchTime)

// awayAfter is how long PostgreSQL must have answered nothing at all, not even the
// poll of the epoch, before nobody is made to wait for it any more.
const awayAfter = 1500 * time.Millisecond

// answers follows whether PostgreSQL answers. While it does not, calls are
// refused at once, so that they do not pile up connections that wait; the poll of
// the epoch finds out when it is back.
type answers struct {
	last atomic.Int64 // nanoseconds since the database was opened
	away atomic.Bool
}

func (db *DB) age() time.Duration { return db.now().Sub(db.epoch.opened) }

// answered takes note that PostgreSQL answered something.
func (db *DB) answered() {
	if db.eng.Postgres {
		db.answers.last.Store(int64(db.age()))
	}
}

// polled takes note of whether the poll got its answer.
func (db *DB) polled(err error) {
	if err == nil {
		db.answered()
		db.answers.away.Store(false)
		return
	}
	if db.age()-time.Duration(db.answers.last.Load()) > awayAfter {
		db.answers.away.Store(true)
	}
}

// Away reports whether the database answers nothing.
func (db *DB) Away() bool { return db.answers.away.Load() }

// Patient is a context whose queries may take as long as d, beyond what one usually has.
func Patient(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, patientKey{}, true), d)
}

type patientKey struct{}

// bounded gives a query its deadline, however long its caller would wait: the tools of
// MCP call the API with a minute. The query ends with done, which is given its error
// and says what the caller is told.
func (db *DB) bounded(ctx context.Context) (_ context.Context, done func(error) error, err error) {
	if db.answers.away.Load() {
		return nil, nil, commit.ErrAway
	}
	if ctx.Value(patientKey{}) != nil || db.running.limit == 0 {
		return ctx, func(err error) error { return err }, nil
	}
	ctx, q := db.running.begin(ctx, db.now())
	return ctx, q.end, nil
}
