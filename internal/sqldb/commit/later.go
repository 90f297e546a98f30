package commit

import (
	"context"
	"time"
)

// WriteLater is WriteSoon for what nobody waits for: it comes after what was written before it and
// before what is written after it, in the transaction of that if it can. A reader who is to see it calls
// CatchUp before. then is told what became of it, by the writer, which waits for it;
// not when the writer ends meanwhile.
func (w *Writer) WriteLater(ctx context.Context, org string, work Work, then func(error)) {
	w.later.Add(1)
	o := &op{org: org, orgs: []string{org}, work: work, then: func(err error) { w.later.Add(-1); then(err) }}
	if err := w.enter(ctx, o); err != nil {
		o.then(err)
		return
	}
	switch {
	case len(w.queue) >= MaxBatch:
		w.call()
	case w.due.CompareAndSwap(false, true):
		time.AfterFunc(alone, func() { w.due.Store(false); w.call() })
	}
}

// CatchUp returns when what WriteLater was given before is written.
func (w *Writer) CatchUp(ctx context.Context, org string) error {
	if w.later.Load() == 0 {
		return nil
	}
	return w.WriteSoon(ctx, org, WorkFunc(func(*Tx) error { return nil }))
}

// alone is how long what nobody waits for waits for another write to go with.
const alone = 10 * time.Millisecond
