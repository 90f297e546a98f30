package commit

import (
	"context"
	"database/sql"
)

func (w *Writer) connect(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	w.conn, err = w.cfg.Pool.Conn(ctx)
	return err
}

func (w *Writer) begin(ctx context.Context, durable bool) error {
	if w.cfg.Engine.Postgres {
		start := w.cfg.Engine.Quick
		if durable {
			start = w.cfg.Engine.Durable
		}
		_, err := w.conn.ExecContext(ctx, start)
		return err
	}
	if durable != w.synced {
		mode := w.cfg.Engine.Quick
		if durable {
			mode = w.cfg.Engine.Durable
		}
		// Not kept prepared: SQLite parses a pragma each time anyway.
		if _, err := w.conn.ExecContext(ctx, mode); err != nil {
			return err
		}
		w.synced = durable
	}
	_, err := w.exec(ctx, w.cfg.Engine.Begin)
	return err
}

// exec runs a statement on the writer's connection. On SQLite it keeps it
// prepared: parsing costs more than running.
func (w *Writer) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.cfg.Engine.Postgres {
		return w.conn.ExecContext(ctx, query, args...)
	}
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (w *Writer) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if !w.cfg.Engine.Postgres {
		if s, err := w.prepared(ctx, query); err == nil {
			return s.QueryRowContext(ctx, args...)
		}
	}
	return w.conn.QueryRowContext(ctx, query, args...)
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
