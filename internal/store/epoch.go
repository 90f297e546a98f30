package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The epoch is a number that changes with every change of a principal, policy
// or vault. Caches keep it beside what they hold: an entry of another epoch is
// not used. On SQLite this process is the only writer, so the number is exact.
// On PostgreSQL other nodes move it: each node reads it every pollEpoch, and a
// number older than maxEpochAge counts as unknown, so a cache is at most that
// much behind, also while the database is out of reach. A NOTIFY (listen.go)
// makes a node look at once; it only hastens what the poll would find, so
// nothing depends on its coming.
//
// What Epoch returns is this process's own count of the changes that it saw, not
// the number in the database: that one can go back, when a standby takes over
// that had not yet got the latest, and must not bring dead cache entries back.
const (
	pollEpoch   = 300 * time.Millisecond
	maxEpochAge = 900 * time.Millisecond
)

type epoch struct {
	opened time.Time    // what seen counts from; a clock that is set does not move it
	seen   atomic.Int64 // nanoseconds: when the epoch was last known to be current
	count  atomic.Int64
	wake   chan struct{} // another node says that the number has moved

	mu     sync.Mutex
	stored int64 // as last seen in the database
}

// Epoch returns the current epoch, and false when it is not known: then
// nothing cached may be used.
func (db *DB) Epoch() (int64, bool) {
	n := db.epoch.count.Load()
	if db.eng.postgres && db.now().Sub(db.epoch.opened)-time.Duration(db.epoch.seen.Load()) > maxEpochAge {
		return 0, false
	}
	return n, true
}

// Seen is the number of the latest change that this node has seen. A decision that
// begins after it was asked knows of every change up to it.
func (db *DB) Seen() int64 {
	db.epoch.mu.Lock()
	defer db.epoch.mu.Unlock()
	return db.epoch.stored
}

// Look brings what Seen says, and with it the caches, up to now. On SQLite they are.
func (db *DB) Look(ctx context.Context) error {
	if !db.eng.postgres {
		return nil
	}
	return db.refreshEpoch(ctx)
}

// setEpoch takes note of the number in the database.
func (db *DB) setEpoch(stored int64) {
	db.epoch.mu.Lock()
	defer db.epoch.mu.Unlock()
	if stored != db.epoch.stored {
		db.epoch.stored = stored
		db.epoch.count.Add(1)
	}
}

const selectEpoch = `SELECT value FROM meta WHERE name = 'epoch'`

func (db *DB) refreshEpoch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return wrap("connect", err)
	}
	return errors.Join(db.pollEpoch(ctx, conn), conn.Close())
}

func (db *DB) pollEpoch(ctx context.Context, conn *sql.Conn) error {
	asked := db.now().Sub(db.epoch.opened)
	var n int64
	if _, err := scanOne(conn.QueryRowContext(ctx, selectEpoch), []any{&n}); err != nil {
		return err
	}
	db.setEpoch(n)
	db.epoch.seen.Store(int64(asked))
	return nil
}

// pollConnect is how long the poll tries to connect: to each server that the
// connection string names, one after the other, while some swallow what they get.
const pollConnect = 15 * time.Second

var errNoPoll = errors.New("there is no connection to poll on")

// followEpoch keeps a connection of its own: when all others are busy, the
// caches must not go stale on top. It connects beside the ticks, which find out
// meanwhile that nothing answers.
func (db *DB) followEpoch(ctx context.Context) {
	tick := time.NewTicker(pollEpoch)
	defer tick.Stop()
	var conn *sql.Conn
	var opening chan *sql.Conn // nil but while one connects
	for {
		select {
		case conn = <-opening:
			opening = nil
		case <-tick.C:
		case <-db.epoch.wake:
		case <-ctx.Done():
			if opening != nil {
				conn = <-opening
			}
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if conn == nil {
			db.polled(errNoPoll)
			if opening == nil {
				opening = db.openPoll(ctx)
			}
			continue
		}
		poll, cancel := context.WithTimeout(ctx, maxEpochAge)
		err := db.pollEpoch(poll, conn)
		cancel()
		db.polled(err)
		if err == nil {
			continue
		}
		hangUp(conn)
		conn = nil
		db.noPoll(ctx, err)
	}
}

// openPoll connects in the background and sends the connection, or nil.
func (db *DB) openPoll(ctx context.Context) chan *sql.Conn {
	out := make(chan *sql.Conn, 1)
	go func() {
		connect, cancel := context.WithTimeout(ctx, pollConnect)
		defer cancel()
		conn, err := db.readers.Conn(connect)
		if err != nil {
			conn = nil
			db.noPoll(ctx, err)
		}
		out <- conn
	}()
	return out
}

func (db *DB) noPoll(ctx context.Context, err error) {
	if ctx.Err() == nil {
		db.log.Warn("the database does not answer", slog.Any("error", err))
	}
}
