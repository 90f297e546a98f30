package sqldb

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// walCheckpointEvery is how often the write-ahead log is copied into the database
// file. Every page in it is read through an index, so it should stay small.
const walCheckpointEvery = 250 * time.Millisecond

// walRestartPages is how long the log may grow before it is to begin again at its
// start: 16 MiB. Under steady load the copying above never catches up with the
// end of the log, and it would grow without bound.
const walRestartPages = 4096

// walMaxPause bounds how long the log is left alone after a reader was in the way.
const walMaxPause = 10 * time.Second

// A log of walWarnPages (64 MiB) has a reader that does not end, such as a long
// backup. Until it does the log can't begin again, and takes disk.
const (
	walWarnPages = 16384
	walWarnEvery = time.Minute
)

// wal keeps the write-ahead log short. It has a connection of its own: no
// request waits for the bulk of the copying, nor for a place in a pool.
type wal struct {
	db      *DB
	between func(f func()) bool // has f run between two batches
	conn    *sql.DB
	asked   bool          // the writer was to restart the log
	ended   chan bool     // the writer did; true: readers were in the way
	pause   time.Duration // how long to leave it alone, when that did not help
	next    time.Time
	warned  time.Time
}

func newWAL(db *DB, conn *sql.DB, between func(func()) bool) *wal {
	return &wal{db: db, conn: conn, between: between, pause: walCheckpointEvery, ended: make(chan bool, 1)}
}

func (l *wal) run(ctx context.Context) {
	loop.Every(ctx, walCheckpointEvery, func(ctx context.Context) {
		_, pages, copied, err := l.checkpoint(ctx, "PASSIVE")
		switch {
		case ctx.Err() != nil:
		case err != nil:
			l.db.log.Warn("the write-ahead log could not be checkpointed", slog.Any("error", err))
		default:
			l.look(ctx, l.db.now(), pages, copied)
		}
	})
}

// look decides what is to be done about a log of that many pages.
func (l *wal) look(ctx context.Context, now time.Time, pages, copied int64) {
	if l.asked {
		select {
		case blocked := <-l.ended:
			l.asked = false
			if blocked {
				l.next, l.pause = now.Add(l.pause), min(2*l.pause, walMaxPause)
			} else { // a log that is long has grown so since: many write
				l.next, l.pause = time.Time{}, walCheckpointEvery
			}
		default: // it had no turn yet
			return
		}
	}
	if pages < walRestartPages {
		l.next, l.pause = time.Time{}, walCheckpointEvery
		return
	}
	if pages >= walWarnPages && now.Sub(l.warned) >= walWarnEvery {
		l.warned = now
		l.db.log.Warn("the write-ahead log grows: somebody holds an old state of the database, as a long backup does",
			slog.Int64("bytes", pages*4096), slog.Int64("bytes_to_copy", (pages-copied)*4096))
	}
	// What is left to copy, the writer waits for: the bulk is copied here first.
	if now.Before(l.next) || pages-copied > walRestartPages {
		return
	}
	l.asked = l.between(func() { l.restart(ctx) }) // or the last one has not had its turn
}

// restart copies what is left of the log and lets the next transaction begin it
// again. The writer runs it between two batches. A failure costs disk space only.
func (l *wal) restart(ctx context.Context) {
	blocked, _, _, err := l.checkpoint(ctx, "RESTART")
	if err != nil && ctx.Err() == nil {
		l.db.log.Warn("the write-ahead log could not be restarted", slog.Any("error", err))
	}
	l.ended <- blocked || err != nil
}

// checkpoint returns whether readers were in the way, how many pages the log has, and
// how many of them are copied.
func (l *wal) checkpoint(ctx context.Context, mode string) (blocked bool, pages, copied int64, err error) {
	err = l.conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(`+mode+`)`).Scan(&blocked, &pages, &copied)
	return blocked, pages, copied, err
}
