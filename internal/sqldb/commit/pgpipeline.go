package commit

import (
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// A Stmt is a statement with its arguments.
type Stmt = driver.Stmt

// openInOne opens a transaction and locks its logs in one round trip. done is false when
// an organisation has no log yet: then nothing is open.
func (w *Writer) openInOne(tx *Tx, logs []string, durable bool) (done bool, err error) {
	mode := w.mode(durable)
	all := make([]Stmt, 0, len(mode)+len(logs))
	for _, query := range mode {
		all = append(all, Stmt{Query: query})
	}
	taken := make([]headRow, len(logs))
	for i, org := range logs {
		all = append(all, Stmt{Query: lockHead, Args: []any{org}, Into: taken[i].dest()})
	}
	rows, err := w.send(tx.ctx, all)
	if driver.Refused(err) {
		return false, stage("lock audit heads", err)
	}
	if err != nil {
		return false, err
	}
	if slices.Contains(rows[len(mode):], 0) {
		_, err = w.conn.ExecContext(tx.ctx, "ROLLBACK")
		return false, err
	}
	tx.heads = make(map[string]head, len(logs))
	for i, org := range logs {
		if tx.heads[org], err = taken[i].head(); err != nil {
			return false, stage("lock audit heads", err)
		}
	}
	return true, nil
}

// pipelined is what an op leaves to be run with the rest of its batch.
type pipelined struct {
	op     *op
	stmts  []Stmt
	check  func(rows int64) error // of the first statement
	events [2]int                 // the op's events, as a range of tx.events
}

// RunTogether runs statements of which those after the first do nothing unless the
// first touched a row. check is told how many it touched. On SQLite they run at
// once. On PostgreSQL they wait for those of the other ops in the batch and all
// go in one round trip: a write would take several, one after the other, while
// everybody else waits for the writer.
func (tx *Tx) RunTogether(check func(rows int64) error, stmts ...Stmt) error {
	if tx.w.cfg.Engine.Postgres {
		tx.pipelined = append(tx.pipelined, pipelined{stmts: stmts, check: check})
		return nil
	}
	for i, s := range stmts {
		n, err := tx.Exec(s.Query, s.Args...)
		if err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if err := check(n); err != nil {
			if n == 0 {
				return tx.Refuse(err)
			}
			return err
		}
	}
	return nil
}

// pipeline runs what ops left behind. An op whose check fails takes back its
// events and keeps its error; the others go on. What was left behind happens after
// the rest of the batch, so its events move behind the others': the log tells
// what was done in the order in which it was done.
func (w *Writer) pipeline(tx *Tx) error {
	if len(tx.pipelined) == 0 {
		return nil
	}
	if err := tx.restand(); err != nil || len(tx.pipelined) == 0 {
		return err
	}
	tx.wrote = true
	var all []Stmt
	for _, d := range tx.pipelined {
		all = append(all, d.stmts...)
	}
	rows, err := w.send(tx.ctx, all)
	if err != nil {
		tx.failed = true
		return driver.Wrap("write", err)
	}
	at := 0
	var late []*audit.Event
	for _, d := range tx.pipelined {
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
			return driver.Wrap("write", err)
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
	kept := tx.pipelined[:0]
	for _, d := range tx.pipelined {
		err := tx.stands(d.op)
		switch {
		case err == nil:
			kept = append(kept, d)
		case tx.failed:
			return driver.Wrap("write", err)
		default:
			d.op.err = err
			clear(tx.events[d.events[0]:d.events[1]])
		}
	}
	if tx.pipelined = kept; len(kept) == 0 {
		tx.dropEvents()
	}
	return nil
}

// dropEvents removes the events that pipeline has cleared.
func (tx *Tx) dropEvents() {
	kept := tx.events[:0]
	for _, e := range tx.events {
		if e != nil {
			kept = append(kept, e)
		}
	}
	tx.events = kept
}
