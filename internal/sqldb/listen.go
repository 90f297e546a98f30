package sqldb

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// epochChannel is where a transaction that moves the epoch says so: PostgreSQL
// hands it out when the transaction is committed.
const epochChannel = "oneclaw_epoch"

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

// listen hears notifications until its connection breaks. It is one beside the
// pool: it would be busy for good there. heard says that it did listen.
func (db *DB) listen(ctx context.Context, dsn string) (heard bool, err error) {
	cfg, err := postgresConfig(dsn)
	if err != nil {
		return false, err
	}
	connect, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(connect, cfg)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenRetry)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(connect, "LISTEN "+epochChannel); err != nil {
		return false, err
	}
	db.wakeEpoch() // for what was said before we listened
	for {
		n, err := hear(ctx, conn)
		if err != nil {
			return true, err
		}
		if n != nil && !db.knownEpoch(n.Payload) {
			db.wakeEpoch()
		}
	}
}

// hear returns the next notification. When none comes for a while it asks whether
// the database is still there, and returns nil: silence is what a dead connection
// sounds like too.
func hear(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	wait, cancel := context.WithTimeout(ctx, listenSilence)
	defer cancel()
	n, err := conn.WaitForNotification(wait)
	if err == nil || ctx.Err() != nil || !late(wait.Err()) {
		return n, err
	}
	ask, cancel := context.WithTimeout(ctx, postgresQueryTime)
	defer cancel()
	return nil, conn.Ping(ask)
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
