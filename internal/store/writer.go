package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// maxBatch bounds how many requests share one commit: enough that the fsync is
// a small part of each, few enough that the first one does not wait long.
const maxBatch = 128

// op is one caller's piece of a transaction: a function, or a lone event.
type op struct {
	org     string
	fn      func(tx *Tx) error
	event   *audit.Event
	durable bool
	err     error
	done    chan struct{}
}

// writer is group commit: one goroutine that owns the only connection which
// writes, and puts all that waits into one transaction.
type writer struct {
	db        *DB
	auditSync bool
	queue     chan *op
	closing   chan struct{}
	conn      *sql.Conn
	stmts     map[string]*sql.Stmt // SQLite only: pgx caches by itself
	heads     map[string]audit.Head
	synced    bool // SQLite: which synchronous mode the connection is in
}

func newWriter(db *DB, auditSync bool) *writer {
	return &writer{
		db: db, auditSync: auditSync,
		queue: make(chan *op, 4*maxBatch), closing: make(chan struct{}),
		stmts: map[string]*sql.Stmt{}, heads: map[string]audit.Head{}, synced: true,
	}
}

// do hands o to the writer and waits for its commit. A caller whose context
// ends first still waits: it must know whether its write happened.
func (w *writer) do(ctx context.Context, o *op) error {
	o.done = make(chan struct{}, 1)
	select {
	case <-w.closing:
		return errClosed
	default:
	}
	select {
	case w.queue <- o:
	case <-ctx.Done():
		return wrap("queue", ctx.Err())
	case <-w.closing:
		return errClosed
	}
	<-o.done
	return o.err
}

func (w *writer) close() { close(w.closing) }

func (w *writer) run(ctx context.Context) {
	batch := make([]*op, 0, maxBatch)
	for {
		select {
		case o := <-w.queue:
			batch = append(batch[:0], o)
		case <-w.closing:
			w.drain()
			w.drop()
			return
		}
		batch = w.fill(batch)
		w.commit(ctx, batch)
		clear(batch)
	}
}

// fill adds what already waits.
func (w *writer) fill(batch []*op) []*op {
	for len(batch) < maxBatch {
		select {
		case o := <-w.queue:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// drain answers those who were queued when Close came.
func (w *writer) drain() {
	for {
		select {
		case o := <-w.queue:
			w.commit(context.Background(), []*op{o})
		default:
			return
		}
	}
}

// commit runs the batch in one transaction. When that fails for a reason that
// may lie in one of its ops, each runs again in a transaction of its own, so
// that no caller fails for another's fault.
func (w *writer) commit(ctx context.Context, batch []*op) {
	err := w.try(ctx, batch)
	if err != nil && len(batch) > 1 {
		for i := range batch {
			one := batch[i : i+1]
			if err := w.try(ctx, one); err != nil {
				one[0].err = err
			}
			one[0].done <- struct{}{}
		}
		return
	}
	for _, o := range batch {
		if err != nil {
			o.err = err
		}
		o.done <- struct{}{}
	}
}

// try runs the batch in one transaction. It returns an error when nothing of it
// was committed. An op that refused without having written leaves the others
// alone: its error is its own.
func (w *writer) try(ctx context.Context, batch []*op) (err error) {
	// A panic must not reveal the state of the batch to the next one.
	defer func() {
		if r := recover(); r != nil {
			w.drop()
			err = fault.Wrap(fmt.Errorf("panic in a transaction: %v", r), fault.Internal, "internal_error", "")
		}
	}()
	if err := w.connect(ctx); err != nil {
		return wrap("connect", err)
	}
	durable := w.auditSync || slices.ContainsFunc(batch, func(o *op) bool { return o.durable })
	if err := w.begin(ctx, durable); err != nil {
		w.drop()
		return wrap("begin", err)
	}
	tx := &Tx{w: w, ctx: ctx}
	if err := w.apply(tx, batch); err != nil {
		w.rollback()
		return err
	}
	epoch, err := w.finish(tx)
	if err != nil {
		w.rollback()
		return wrap("commit", err)
	}
	if epoch > 0 {
		w.db.setEpoch(epoch)
	}
	for _, e := range tx.events {
		e.Committed = true
	}
	return nil
}

func (w *writer) apply(tx *Tx, batch []*op) error {
	if err := w.lockHeads(tx, batch); err != nil {
		return wrap("lock audit heads", err)
	}
	for _, o := range batch {
		o.err = nil
		if o.event != nil {
			tx.Append(o.event)
			continue
		}
		wrote, events, bump := tx.wrote, len(tx.events), tx.bump
		tx.wrote = false
		if err := o.fn(tx); err != nil {
			if tx.wrote || !errors.As(err, new(*fault.Error)) {
				return wrap("write", err)
			}
			tx.events, tx.bump = tx.events[:events], bump
			o.err = err
		}
		tx.wrote = tx.wrote || wrote
	}
	return nil
}

// finish appends the batch's events and commits.
func (w *writer) finish(tx *Tx) (epoch int64, err error) {
	heads, err := w.appendEvents(tx)
	if err != nil {
		return 0, err
	}
	if tx.bump {
		if epoch, err = tx.bumpEpoch(); err != nil {
			return 0, err
		}
	}
	if _, err := w.exec(tx.ctx, "COMMIT"); err != nil {
		return 0, err
	}
	for org, h := range heads {
		w.heads[org] = h
	}
	return epoch, nil
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	w.conn, err = w.db.writers.Conn(ctx)
	return err
}

func (w *writer) begin(ctx context.Context, durable bool) error {
	if w.db.eng.postgres {
		start := w.db.eng.quick
		if durable {
			start = w.db.eng.durable
		}
		_, err := w.conn.ExecContext(ctx, start)
		return err
	}
	if durable != w.synced {
		mode := w.db.eng.quick
		if durable {
			mode = w.db.eng.durable
		}
		if _, err := w.exec(ctx, mode); err != nil {
			return err
		}
		w.synced = durable
	}
	_, err := w.exec(ctx, w.db.eng.begin)
	return err
}

// exec runs a statement on the writer's connection. On SQLite it keeps it
// prepared: parsing costs more than running.
func (w *writer) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.db.eng.postgres {
		return w.conn.ExecContext(ctx, query, args...)
	}
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (w *writer) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if !w.db.eng.postgres {
		if s, err := w.prepared(ctx, query); err == nil {
			return s.QueryRowContext(ctx, args...)
		}
	}
	return w.conn.QueryRowContext(ctx, query, args...)
}

func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.stmts[query]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmts[query] = s
	}
	return s, err
}

// rollback leaves the connection clean, or drops it.
func (w *writer) rollback() {
	clear(w.heads)
	if _, err := w.conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		w.drop()
	}
}

// drop closes the connection; the next batch opens another.
func (w *writer) drop() {
	clear(w.heads)
	for q, s := range w.stmts {
		_ = s.Close()
		delete(w.stmts, q)
	}
	if w.conn != nil {
		// ErrBadConn makes the pool throw the connection away: it may be in the
		// middle of a transaction.
		_ = w.conn.Raw(func(any) error { return sql.ErrConnDone })
		_ = w.conn.Close()
	}
	w.conn, w.synced = nil, true
}
