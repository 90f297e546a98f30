package commit

import (
	"context"
	"slices"
	"time"
)

// BatchTime bounds how long the writer waits for PostgreSQL to answer, from connecting to
// the commit: callers get an answer also when the network swallows everything. longBatch
// bounds one answer about what deletes very many rows, and every transaction as a whole.
// A transaction of very many statements, such as one that ends all that was made with a
// credential, goes on for as long as each of them is answered.
const (
	BatchTime = 2 * time.Second
	longBatch = 10 * time.Second
)

// patience is the context of a batch. It ends when the database has not answered for a
// while, and says then that it was too late.
type patience struct {
	inner         context.Context
	cancel        context.CancelFunc
	silent, whole *time.Timer
	limit         time.Duration
}

func newPatience(batch []*op) *patience {
	p := &patience{limit: BatchTime}
	if slices.ContainsFunc(batch, func(o *op) bool { return o.long }) {
		p.limit = longBatch
	}
	p.inner, p.cancel = context.WithCancel(context.Background())
	p.silent, p.whole = time.AfterFunc(p.limit, p.cancel), time.AfterFunc(longBatch, p.cancel)
	return p
}

// answered begins the wait for the next answer.
func (p *patience) answered() {
	if p != nil && p.inner.Err() == nil {
		p.silent.Reset(p.limit)
	}
}

func (p *patience) end() {
	p.silent.Stop()
	p.whole.Stop()
	p.cancel()
}

func (p *patience) Deadline() (time.Time, bool) { return time.Time{}, false }
func (p *patience) Done() <-chan struct{}       { return p.inner.Done() }
func (p *patience) Value(any) any               { return nil }

func (p *patience) Err() error {
	if p.inner.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// AfterFunc spares contexts that are derived from this one a goroutine each.
func (p *patience) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(p.inner, f) }

// deadline is the batch's context. SQLite has none: nothing hangs there but the disk.
func (w *Writer) deadline(batch []*op) (context.Context, func()) {
	if !w.cfg.Engine.Postgres {
		return context.Background(), func() {}
	}
	w.patience = newPatience(batch)
	return w.patience, func() {
		w.patience.end()
		w.patience = nil
	}
}
