package sqldb

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// What copies whole databases works on connections of its own, beside the engine.

// Snapshot is a transaction that sees the database at one moment.
func (db *DB) Snapshot(ctx context.Context) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.eng.Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.readers.BeginTx(ctx, opts)
	return tx, driver.Wrap("begin", err)
}

// Begin begins a transaction that writes, on a database that OpenBare opened.
func (db *DB) Begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := db.writers.BeginTx(ctx, nil)
	return tx, driver.Wrap("begin", err)
}

// WriteConn is a connection that may write, on a database that Look or OpenBare opened.
func (db *DB) WriteConn(ctx context.Context) (*sql.Conn, error) {
	conn, err := db.writers.Conn(ctx)
	return conn, driver.Wrap("connect", err)
}
