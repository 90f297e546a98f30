package proxy

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// writer sends the events of a stream, and comments while there are none.
type writer struct {
	x       *gate.Request
	control *http.ResponseController

	mu   sync.Mutex
	busy bool // something was sent since the last look
}

func (w *writer) send(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = true
	return w.write(b)
}

// until is send as long as ctx has not ended, of what clean leaves.
func (w *writer) until(ctx context.Context, clean func([]byte) []byte) func([]byte) error {
	return func(b []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return w.send(clean(b))
	}
}

func (w *writer) write(b []byte) error {
	// Not every writer has a deadline: tests' have none.
	_ = w.control.SetWriteDeadline(time.Now().Add(sendTime)) //nolint:forbidigo // the network's own clock
	if _, err := w.x.Write(b); err != nil {
		return err
	}
	return w.x.FlushError()
}

// alive sends a comment after each time of quiet in which nothing was sent, until stop is called
// or the caller is gone.
func (w *writer) alive(ctx context.Context, quiet time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(quiet)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			w.mu.Lock()
			if !w.busy {
				_ = w.write([]byte(": waiting\n\n")) // the next event finds out
			}
			w.busy = false
			w.mu.Unlock()
		}
	})
	return func() { cancel(); ended.Wait() }
}

func quoted(text string) []byte { return doc.Quote(nil, text) }
