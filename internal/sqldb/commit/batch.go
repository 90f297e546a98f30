package commit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// commit runs the batch in one transaction. When that fails for a reason that
// may lie in one of its ops, each runs again in a transaction of its own, so
// that no caller fails for another's fault.
func (w *Writer) commit(batch []*op) {
	err := w.try(batch)
	alone := err != nil && len(batch) > 1 && !isLost(err)
	var lost error
	for i, o := range batch {
		switch {
		case lost != nil:
			o.err = lost // the database is gone: don't let each find out by waiting
		case alone:
			if err := w.try(batch[i : i+1]); err != nil {
				o.err = err
				if isLost(err) {
					lost = err
				}
			}
		case err != nil:
			o.err = err
		}
	}
	for _, o := range batch {
		o.end()
	}
}

// try runs the batch in one transaction. It returns an error when nothing of it
// was committed (or, when the database went away during the commit, nothing is
// known of it). An op that refused without having written leaves the others
// alone: its error is its own.
func (w *Writer) try(batch []*op) (err error) {
	// A panic must not reveal the state of the batch to the next one.
	defer func() {
		if r := recover(); r != nil {
			w.drop()
			err = fault.Wrap(fmt.Errorf("panic in a transaction: %v", r), fault.Internal, "internal_error", "")
		}
	}()
	defer func() { w.health.note(w.cfg.Now(), err) }()
	durable := w.cfg.Sync || slices.ContainsFunc(batch, func(o *op) bool { return o.durable })
	if err := w.cfg.InPlace(durable); err != nil {
		return err
	}
	ctx, cancel := w.deadline(batch)
	defer cancel()
	if done, err := w.appendInOne(ctx, batch); done {
		return err
	}
	tx := &Tx{w: w, ctx: ctx}
	if err := w.start(tx, batch, durable); err != nil {
		return err
	}
	if err := w.apply(tx, batch); err != nil {
		w.rollback(ctx)
		return err
	}
	epoch, err := w.finish(tx)
	if err != nil {
		w.rollback(ctx)
		return err
	}
	w.answered()
	if epoch > 0 {
		w.cfg.Moved(epoch, tx.moves)
	}
	if len(tx.stale) > 0 && w.cfg.Committed != nil {
		w.cfg.Committed(tx.stale)
	}
	for _, e := range tx.events {
		e.Committed = true
	}
	w.count(len(tx.events))
	return nil
}

func (w *Writer) answered() {
	if w.cfg.Answered != nil {
		w.cfg.Answered()
	}
}

// grownEvents is after how many events Grown is told.
const grownEvents = 1000

// count tells Grown's reader when the logs have grown by grownEvents.
func (w *Writer) count(events int) {
	if w.appended += events; w.appended < grownEvents {
		return
	}
	w.appended = 0
	select {
	case w.grown <- struct{}{}:
	default:
	}
}

// start opens a transaction that holds the batch's logs. A connection that was kept
// may have died since: then a fresh one gets its turn before anybody is told.
func (w *Writer) start(tx *Tx, batch []*op, durable bool) error {
	logs := logsOf(batch)
	kept := w.conn != nil
	for {
		err := w.connect(tx.ctx)
		if err == nil {
			if err = w.open(tx, logs, durable); err == nil {
				return nil
			}
			if errors.As(err, new(*stageError)) {
				w.rollback(tx.ctx)
				return err
			}
			w.drop()
		}
		if !kept || driver.Busy(err) || tx.ctx.Err() != nil {
			return lost("begin", err)
		}
		kept = false
	}
}

// open opens a transaction and locks its logs. A failure to lock is a stageError.
func (w *Writer) open(tx *Tx, logs []string, durable bool) error {
	if w.cfg.Engine.Postgres {
		if done, err := w.openInOne(tx, logs, durable); done || err != nil {
			return err
		}
	}
	if err := w.begin(tx.ctx, durable); err != nil {
		return err
	}
	if err := w.lockHeads(tx, logs); err != nil {
		return stage("lock audit heads", err)
	}
	return nil
}

func (w *Writer) apply(tx *Tx, batch []*op) error {
	for _, o := range batch {
		o.err = nil
		if o.event != nil {
			tx.Append(o.event)
			continue
		}
		wrote, events, moves, waiting, last, stale := tx.wrote, len(tx.events), len(tx.moves), len(tx.pipelined), len(tx.last), len(tx.stale)
		tx.wrote = false
		err := tx.stands(o)
		if err == nil {
			err = o.work.Do(tx)
		}
		if err != nil || tx.failed {
			if err == nil {
				err = errors.New("an op went on after a statement had failed")
			}
			if tx.failed || tx.wrote || !errors.As(err, new(*fault.Error)) {
				return driver.Wrap("write", err)
			}
			tx.events, tx.moves, tx.pipelined, tx.stale = tx.events[:events], tx.moves[:moves], tx.pipelined[:waiting], tx.stale[:stale]
			tx.last = tx.last[:last]
			o.err = err
		}
		for i := waiting; i < len(tx.pipelined); i++ {
			tx.pipelined[i].op, tx.pipelined[i].events = o, [2]int{events, len(tx.events)}
		}
		tx.wrote = tx.wrote || wrote
	}
	return w.pipeline(tx)
}

// finish appends the batch's events and commits.
func (w *Writer) finish(tx *Tx) (epoch int64, err error) {
	if err := tx.begin(); err != nil {
		return 0, driver.Wrap("write what begins with an event", err)
	}
	if err := tx.appendEvents(); err != nil {
		return 0, stage("append events", err)
	}
	if len(tx.moves) > 0 {
		if err := tx.moveEpochs(&epoch); err != nil {
			return 0, stage("move the epoch", err)
		}
	}
	if err := w.commitLast(tx); err != nil {
		return 0, err
	}
	for _, e := range tx.events {
		w.heads[e.Org] = tx.heads[e.Org]
	}
	for _, m := range tx.moves {
		h := tx.heads[m.Org]
		switch m.What {
		case Ended:
			h.ended = epoch
		case Revoked:
			h.revoked = epoch
		case Changed: // moves the epoch alone
		}
		tx.heads[m.Org], w.heads[m.Org] = h, h
	}
	return epoch, nil
}

// commitLast runs what was left for the end of the transaction, and commits.
func (w *Writer) commitLast(tx *Tx) error {
	if !w.cfg.Engine.Postgres {
		_, err := w.exec(tx.ctx, "COMMIT")
		if err != nil {
			return stage("commit", err)
		}
		return nil
	}
	_, err := w.send(tx.ctx, append(tx.last, Stmt{Query: "COMMIT"}))
	switch {
	case err == nil:
		return nil
	case driver.Refused(err), driver.SafeToRetry(err):
		return stage("commit", err)
	}
	return unknown(err)
}
