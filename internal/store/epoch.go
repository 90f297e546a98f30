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

// followEpoch keeps a connection of its own: when all others are busy, the
// caches must not go stale on top.
func (db *DB) followEpoch(ctx context.Context) {
	tick := time.NewTicker(pollEpoch)
	defer tick.Stop()
	var conn *sql.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-db.epoch.wake:
		}
		poll, cancel := context.WithTimeout(ctx, maxEpochAge)
		var err error
		if conn == nil {
			conn, err = db.readers.Conn(poll)
		}
		if err == nil {
			err = db.pollEpoch(poll, conn)
		}
		cancel()
		if err == nil {
			continue
		}
		if conn != nil {
			_ = conn.Close()
			conn = nil
		}
		if ctx.Err() == nil {
			db.log.Warn("the database does not answer", slog.Any("error", err))
		}
	}
}
