package commit

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

func (w *Writer) connect(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	w.conn, err = w.cfg.Pool.Conn(ctx)
	w.patience.answered()
	return err
}

// begin opens a transaction.
func (w *Writer) begin(ctx context.Context, durable bool) error {
	mode := w.mode(durable)
	if !w.cfg.Engine.Postgres && durable == w.synced {
		mode = nil
	}
	for _, query := range mode {
		// Not kept prepared: SQLite parses a pragma each time anyway.
		if _, err := w.conn.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	if w.cfg.Engine.Postgres {
		return nil
	}
	w.synced = durable
	_, err := w.exec(ctx, w.cfg.Engine.Begin)
	return err
}

// mode is what makes the next commit wait for the disk, or not.
func (w *Writer) mode(durable bool) []string {
	if durable {
		return w.cfg.Engine.Durable
	}
	return w.cfg.Engine.Quick
}

// exec runs a statement on the writer's connection. On SQLite it keeps it
// prepared: parsing costs more than running.
func (w *Writer) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.cfg.Engine.Postgres {
		defer w.patience.answered()
		return w.conn.ExecContext(ctx, query, args...)
	}
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (w *Writer) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	defer w.patience.answered()
	if !w.cfg.Engine.Postgres {
		if s, err := w.prepared(ctx, query); err == nil {
			return s.QueryRowContext(ctx, args...)
		}
	}
	return w.conn.QueryRowContext(ctx, query, args...)
}

func (w *Writer) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !w.cfg.Engine.Postgres {
		if s, err := w.prepared(ctx, query); err == nil {
			return s.QueryContext(ctx, args...)
		}
	}
	return w.conn.QueryContext(ctx, query, args...)
}

// send runs statements on PostgreSQL in one round trip.
func (w *Writer) send(ctx context.Context, all []Stmt) (rows []int64, err error) {
	defer w.patience.answered()
	return driver.Send(ctx, w.conn, all)
}

func (w *Writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.stmts[query]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmts[query] = s
	}
	return s, err
}
