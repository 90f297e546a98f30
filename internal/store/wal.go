package store

import (
	"context"
	"log/slog"
	"time"
)

// walCheckpointEvery is how often the write-ahead log is copied into the database
// file. Every page in it is read through an index, so it should stay small.
const walCheckpointEvery = 250 * time.Millisecond

// walRestartPages is how long the log may grow before the writer pauses to begin
// it again at its start: 16 MiB. Under steady load the copying above never
// catches up with the end of the log, and it would grow without bound.
const walRestartPages = 4096

// checkpointWAL copies the write-ahead log into the database on a connection of
// its own, so that no request waits for the bulk of it; what is left when the
// log has grown long, the writer copies itself between two batches.
func (db *DB) checkpointWAL(ctx context.Context) {
	tick := time.NewTicker(walCheckpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var busy, pages, copied int64
		err := db.readers.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &copied)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			db.log.Warn("the write-ahead log could not be checkpointed", slog.Any("error", err))
		case pages >= walRestartPages:
			select {
			case db.writer.restart <- struct{}{}:
			default:
			}
		}
	}
}

// restartWAL copies what is left of the log and lets the next transaction begin
// it again. It waits for readers, which are quick. A failure costs disk space
// only, and the next turn tries again.
func (w *writer) restartWAL() {
	if w.conn == nil {
		return
	}
	var busy, pages, copied int64
	if err := w.conn.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(RESTART)`).Scan(&busy, &pages, &copied); err != nil {
		w.db.log.Warn("the write-ahead log could not be restarted", slog.Any("error", err))
	}
}
