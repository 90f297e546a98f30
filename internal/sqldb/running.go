package sqldb

import (
	"context"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// running are the queries under way, oldest first, and ends those that take longer than
// limit, which is the same for all. One ticker looks at them: a timer for each cost a
// read on PostgreSQL 3 % of its CPU.
type running struct {
	limit time.Duration // zero is no bound; set once, before the first query
	mu    sync.Mutex
	first *query
	last  *query
}

type query struct {
	of         *running
	began      time.Time
	cancel     context.CancelFunc
	late       bool // it had its time; mu is held
	prev, next *query
}

func (r *running) begin(ctx context.Context, now time.Time) (context.Context, *query) {
	ctx, cancel := context.WithCancel(ctx)
	q := &query{of: r, began: now, cancel: cancel}
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.prev = r.last; q.prev == nil {
		r.first = q
	} else {
		q.prev.next = q
	}
	r.last = q
	return ctx, q
}

// end takes a query off the list. The error of one that was ended for its time says so;
// by itself it would say that the caller had gone.
func (q *query) end(err error) error {
	q.cancel()
	r := q.of
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.prev == nil {
		r.first = q.next
	} else {
		q.prev.next = q.next
	}
	if q.next == nil {
		r.last = q.prev
	} else {
		q.next.prev = q.prev
	}
	if q.late && err != nil {
		return driver.Wrap("wait for an answer", context.DeadlineExceeded)
	}
	return err
}

// watch ends what is late until ctx ends.
func (r *running) watch(ctx context.Context, now func() time.Time) {
	loop.Every(ctx, r.limit/25, func(context.Context) { r.cutLate(now()) })
}

func (r *running) cutLate(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := r.first; q != nil && now.Sub(q.began) >= r.limit; q = q.next {
		q.late = true
		q.cancel()
	}
}
