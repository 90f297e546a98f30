package sqldb

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// How long to wait before listening again after the connection was lost.
const listenRetry = time.Second

// listenSilence is how long nothing is heard before the connection is tried.
const listenSilence = 15 * time.Second

// listenEpoch wakes followEpoch when another node moves the epoch. While it does
// not hear (its connection is cut, or a pooler between here and the database
// drops what it sends) the poll alone keeps the bound.
func (db *DB) listenEpoch(ctx context.Context, dsn string) {
	told := false // of one break, once
	for ctx.Err() == nil {
		heard, err := db.listen(ctx, dsn)
		if ctx.Err() != nil {
			return
		}
		if told = told && !heard; !told {
			told = true
			db.log.Warn("changes of other nodes are polled for: the database's notifications are cut", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenRetry):
		}
	}
}

// listen hears notifications until its connection breaks. heard says that it did listen.
func (db *DB) listen(ctx context.Context, dsn string) (heard bool, err error) {
	connect, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	l, err := driver.Listen(connect, dsn, commit.EpochChannel)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenRetry)
		defer cancel()
		l.Close(closing)
	}()
	db.wakeEpoch() // for what was said before we listened
	for {
		said, err := hear(ctx, l)
		if err != nil {
			return true, err
		}
		if said != "" && !db.knownEpoch(said) {
			db.wakeEpoch()
		}
	}
}

// hear returns what the next notification says. When none comes for a while it asks
// whether the database is still there, and returns nothing: silence is what a dead
// connection sounds like too.
func hear(ctx context.Context, l *driver.Listener) (string, error) {
	wait, cancel := context.WithTimeout(ctx, listenSilence)
	defer cancel()
	said, err := l.Hear(wait)
	if err == nil || ctx.Err() != nil || !driver.Late(wait.Err()) {
		return said, err
	}
	ask, cancel := context.WithTimeout(ctx, postgresQueryTime)
	defer cancel()
	return "", l.Ping(ask)
}

// knownEpoch reports whether this node has the number already: its own changes
// come back to it too.
func (db *DB) knownEpoch(payload string) bool {
	n, err := strconv.ParseInt(payload, 10, 64)
	return err == nil && n <= db.Seen()
}

func (db *DB) wakeEpoch() {
	select {
	case db.epoch.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}
