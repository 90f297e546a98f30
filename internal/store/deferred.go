package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// stmt is a statement with its arguments.
type stmt struct {
	query string
	args  []any
}

// deferred is what an op leaves to be run with the rest of its batch.
type deferred struct {
	op     *op
	stmts  []stmt
	check  func(rows int64) error // of the first statement
	events [2]int                 // the op's events, as a range of tx.events
}

// run runs statements of which those after the first do nothing unless the
// first touched a row. check is told how many it touched. On SQLite they run at
// once. On PostgreSQL they wait for those of the other ops in the batch and all
// go in one round trip: a write would take several, one after the other, while
// everybody else waits for the writer.
func (tx *Tx) run(check func(rows int64) error, stmts ...stmt) error {
	if tx.w.db.eng.postgres {
		tx.waiting = append(tx.waiting, deferred{stmts: stmts, check: check})
		return nil
	}
	for i, s := range stmts {
		n, err := tx.exec(s.query, s.args...)
		if err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if err := check(n); err != nil {
			if n == 0 {
				return tx.refuse(err)
			}
			return err
		}
	}
	return nil
}

// settle runs what ops left behind. An op whose check fails takes back its
// events and keeps its error; the others go on. What was left behind happens after
// the rest of the batch, so its events move behind the others': the log tells
// what was done in the order in which it was done.
func (w *writer) settle(tx *Tx) error {
	if len(tx.waiting) == 0 {
		return nil
	}
	if err := tx.restand(); err != nil || len(tx.waiting) == 0 {
		return err
	}
	tx.wrote = true
	var all []stmt
	for _, d := range tx.waiting {
		all = append(all, d.stmts...)
	}
	rows, err := w.pipeline(tx.ctx, all)
	if err != nil {
		tx.failed = true
		return wrap("write", err)
	}
	at := 0
	var late []*audit.Event
	for _, d := range tx.waiting {
		n := rows[at]
		at += len(d.stmts)
		err := d.check(n)
		own := tx.events[d.events[0]:d.events[1]]
		if err == nil {
			late = append(late, own...)
			clear(own)
			continue
		}
		if n != 0 {
			return wrap("write", err)
		}
		d.op.err = err
		clear(own) // nil: left out
	}
	tx.dropEvents()
	tx.events = append(tx.events, late...)
	return nil
}

// restand takes out what rests on a right that an op of this batch has ended: what
// was left behind happens after it.
func (tx *Tx) restand() error {
	if len(tx.moves) == 0 {
		return nil
	}
	kept := tx.waiting[:0]
	for _, d := range tx.waiting {
		err := tx.stands(d.op)
		switch {
		case err == nil:
			kept = append(kept, d)
		case tx.failed:
			return wrap("write", err)
		default:
			d.op.err = err
			clear(tx.events[d.events[0]:d.events[1]])
		}
	}
	if tx.waiting = kept; len(kept) == 0 {
		tx.dropEvents()
	}
	return nil
}

// dropEvents removes the events that settle has cleared.
func (tx *Tx) dropEvents() {
	kept := tx.events[:0]
	for _, e := range tx.events {
		if e != nil {
			kept = append(kept, e)
		}
	}
	tx.events = kept
}

// pipeline sends statements to PostgreSQL in one round trip and returns how many
// rows each touched. After an error nothing of the transaction can be kept.
func (w *writer) pipeline(ctx context.Context, all []stmt) (rows []int64, err error) {
	rows = make([]int64, len(all))
	err = w.conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the writer's connection is not one of pgx")
		}
		var b pgx.Batch
		for i, s := range all {
			b.Queue(s.query, s.args...).Exec(func(tag pgconn.CommandTag) error {
				rows[i] = tag.RowsAffected()
				return nil
			})
		}
		return c.Conn().SendBatch(ctx, &b).Close()
	})
	return rows, err
}
