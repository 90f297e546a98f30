package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgxOf is what is below a connection to PostgreSQL.
func pgxOf(below any) (*pgx.Conn, error) {
	c, ok := below.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("the connection is not one of pgx")
	}
	return c.Conn(), nil
}

// Binary begins the arguments of EachRaw.
var Binary any = pgx.QueryResultFormats{pgx.BinaryFormatCode}

// EachRaw runs a query on PostgreSQL and gives each row to take as it was sent, until take
// wants no more. Its first argument is Binary: numbers are eight bytes.
func EachRaw(ctx context.Context, conn *sql.Conn, query string, args []any, take func(columns [][]byte) (more bool, err error)) error {
	return conn.Raw(func(below any) error {
		c, err := pgxOf(below)
		if err != nil {
			return err
		}
		rows, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for more := true; more && rows.Next(); {
			if more, err = take(rows.RawValues()); err != nil {
				return err
			}
		}
		rows.Close()
		return rows.Err()
	})
}

// A Stmt is a statement with its arguments.
type Stmt struct {
	Query string
	Args  []any
	Into  []any // takes the columns of the first row; nil for a statement that returns none
}

// Send sends statements to PostgreSQL in one round trip and returns how many rows each
// touched, of those with Into 1 or 0. After an error nothing of the transaction can be kept.
func Send(ctx context.Context, conn *sql.Conn, all []Stmt) (rows []int64, err error) {
	rows = make([]int64, len(all))
	err = conn.Raw(func(below any) error {
		c, err := pgxOf(below)
		if err != nil {
			return err
		}
		var b pgx.Batch
		for i, s := range all {
			q := b.Queue(s.Query, s.Args...)
			if s.Into == nil {
				q.Exec(func(tag pgconn.CommandTag) error {
					rows[i] = tag.RowsAffected()
					return nil
				})
				continue
			}
			q.QueryRow(func(row pgx.Row) error {
				err := row.Scan(s.Into...)
				if errors.Is(err, pgx.ErrNoRows) {
					return nil
				}
				rows[i] = 1
				return err
			})
		}
		return c.SendBatch(ctx, &b).Close()
	})
	return rows, err
}

// HangUp throws a connection away, which may be in the middle of a transaction. A
// server that does not answer is not taken leave of: that is waited for too.
func HangUp(conn *sql.Conn) {
	_ = conn.Raw(func(below any) error {
		if c, ok := below.(*stdlib.Conn); ok && !c.Conn().IsClosed() {
			_ = c.Conn().PgConn().Conn().Close()
		}
		return sqldriver.ErrBadConn // tells the pool
	})
	_ = conn.Close()
}

// A Listener hears what PostgreSQL notifies of, on a connection beside the pools: it
// would be busy for good there.
type Listener struct{ conn *pgx.Conn }

// Listen connects and listens to a channel.
func Listen(ctx context.Context, dsn, channel string) (*Listener, error) {
	cfg, err := postgresConfig(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	l := &Listener{conn}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		l.Close(ctx)
		return nil, err
	}
	return l, nil
}

// Hear waits for the next notification and returns what it says.
func (l *Listener) Hear(ctx context.Context) (string, error) {
	n, err := l.conn.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return n.Payload, nil
}

// Ping asks whether the server is still there.
func (l *Listener) Ping(ctx context.Context) error { return l.conn.Ping(ctx) }

// Close ends the connection.
func (l *Listener) Close(ctx context.Context) { _ = l.conn.Close(ctx) }
