package store

import (
	"context"
	"log/slog"
	"time"
)

// The epoch is a number that changes with every change of a principal, policy
// or vault. Caches keep it beside what they hold: an entry of another epoch is
// not used. On SQLite this process is the only writer, so the number is exact.
// On PostgreSQL other nodes move it: each node reads it every pollEpoch, and a
// number older than maxEpochAge counts as unknown, so a cache is at most that
// much behind, also while the database is out of reach.
const (
	pollEpoch   = 300 * time.Millisecond
	maxEpochAge = 900 * time.Millisecond
)

// Epoch returns the current epoch, and false when it is not known: then
// nothing cached may be used.
func (db *DB) Epoch() (int64, bool) {
	if db.eng.postgres && db.now().UnixNano()-db.seen.Load() > int64(maxEpochAge) {
		return 0, false
	}
	return db.epoch.Load(), true
}

func (db *DB) setEpoch(n int64) {
	for {
		old := db.epoch.Load()
		if n <= old || db.epoch.CompareAndSwap(old, n) {
			return
		}
	}
}

func (db *DB) refreshEpoch(ctx context.Context) error {
	asked := db.now()
	var n int64
	if _, err := db.row(ctx, `SELECT value FROM meta WHERE name = 'epoch'`, nil, &n); err != nil {
		return err
	}
	db.setEpoch(n)
	db.seen.Store(asked.UnixNano())
	return nil
}

func (db *DB) followEpoch(ctx context.Context) {
	tick := time.NewTicker(pollEpoch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		poll, cancel := context.WithTimeout(ctx, maxEpochAge)
		if err := db.refreshEpoch(poll); err != nil && ctx.Err() == nil {
			db.log.Warn("the database does not answer", slog.Any("error", err))
		}
		cancel()
	}
}

func (tx *Tx) bumpEpoch() (n int64, err error) {
	_, err = tx.row(`UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`, nil, &n)
	return n, err
}

// walCheckpointEvery is how often the write-ahead log is copied into the database
// file. Every page in it is read through an index, so it should stay small.
const walCheckpointEvery = 500 * time.Millisecond

// checkpointWAL copies the write-ahead log into the database on a connection of
// its own, so that no request waits for it.
func (db *DB) checkpointWAL(ctx context.Context) {
	tick := time.NewTicker(walCheckpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := db.readers.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`); err != nil && ctx.Err() == nil {
			db.log.Warn("the write-ahead log could not be checkpointed", slog.Any("error", err))
		}
	}
}
