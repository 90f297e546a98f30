package gate

import (
	"context"
	"sync"
	"time"
)

// giveWayFor is how long a request waits at most for those that were decided over
// and over: what they do may take long for another reason.
const giveWayFor = time.Second

// turns lets one request at a time go on for each organisation, of those that have
// been decided too often. Other changes of the organisation do not begin meanwhile. So
// only requests that were under way before can beat the one that has the turn.
type turns struct {
	mu sync.Mutex
	by map[string]*turn
}

type turn struct {
	sync.Mutex
	waiting int
	over    chan struct{} // closed when nobody has it or waits for it any more
}

// wait returns when it is the caller's turn, which ends with what it returns.
func (t *turns) wait(org string) (done func()) {
	t.mu.Lock()
	if t.by == nil {
		t.by = map[string]*turn{}
	}
	if t.by[org] == nil {
		t.by[org] = &turn{over: make(chan struct{})}
	}
	mine := t.by[org]
	mine.waiting++
	t.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(t.by, org)
			close(mine.over)
		}
	}
}

// giveWay waits until nobody of the organisation has a turn, for a while.
func (t *turns) giveWay(ctx context.Context, org string) {
	t.mu.Lock()
	first := t.by[org]
	t.mu.Unlock()
	if first == nil {
		return
	}
	late := time.NewTimer(giveWayFor)
	defer late.Stop()
	select {
	case <-first.over:
	case <-late.C:
	case <-ctx.Done():
	}
}
