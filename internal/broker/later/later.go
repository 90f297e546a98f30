// Package later writes what came of a use that the database did not take in its time.
//
// Its promise: what is put off is tried again until it is stored, is too old, or the server ends; what is
// given up is told to the server's log. It is in memory alone: what waits when a server dies is not known any more.
package later

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

const (
	// round is how often what waits is tried again.
	round = 30 * time.Second
	// most bounds what waits for a database that does not answer.
	most = 10_000
	// failuresAtOnce is after how many failures in a row the rest waits for the next round: the database may be away.
	failuresAtOnce = 3
	// oldest is for how long one is tried.
	oldest = 24 * time.Hour
	// atTheEnd is how long a server that ends tries once more.
	atTheEnd = 5 * time.Second
)

// Config is what a Queue stands on.
type Config struct {
	Log *slog.Logger
	Now func() time.Time
}

// Queue is what waits. It is safe for concurrent use.
type Queue struct {
	cfg Config

	mu      sync.Mutex
	waiting []put
}

type put struct {
	use   string
	since time.Time
	write func(context.Context) error
}

// New returns a Queue.
func New(cfg Config) *Queue { return &Queue{cfg: cfg} }

// Put has what came of a use written later; use is the id of its event. write may be called by any goroutine, more than once.
func (q *Queue) Put(use string, write func(context.Context) error) {
	q.add(put{use, q.cfg.Now(), write})
}

func (q *Queue) add(all ...put) {
	q.mu.Lock()
	kept := all[:min(len(all), max(most-len(q.waiting), 0))]
	q.waiting = append(q.waiting, kept...)
	q.mu.Unlock()
	for _, p := range all[len(kept):] {
		q.lost(p, "too many wait")
	}
}

func (q *Queue) lost(p put, why string) {
	q.cfg.Log.Error("what came of a use is given up: it is not in the log", slog.String("use", p.use), slog.String("why", why))
}

// Run tries again until ctx ends, and once more then: a server that ends is done with its requests.
func (q *Queue) Run(ctx context.Context) {
	loop.Every(ctx, round, q.CatchUp)
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), atTheEnd)
	defer stop()
	q.CatchUp(last)
	q.mu.Lock()
	left := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	for _, p := range left {
		q.lost(p, "the server ended")
	}
}

// CatchUp is one round. What fails waits behind the others.
func (q *Queue) CatchUp(ctx context.Context) {
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	var failed []put
	inARow, old := 0, q.cfg.Now().Add(-oldest)
	for i, p := range waiting {
		err := p.write(ctx)
		if inARow++; err == nil {
			inARow = 0
			continue
		}
		if p.since.Before(old) {
			q.lost(p, err.Error())
		} else {
			failed = append(failed, p)
		}
		if inARow == failuresAtOnce {
			failed = append(waiting[i+1:len(waiting):len(waiting)], failed...)
			break
		}
	}
	q.add(failed...)
}
