package gate

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const (
	// look is how often an answer under way is asked whether it may go on.
	look = 250 * time.Millisecond
	// lookTime is how long the answer to that may take.
	lookTime = time.Second
	// unsure is how long it goes on while there is no answer.
	unsure = 5 * time.Second
)

// Watch is what an answer under way rests on, and how it ends. See docs/adr/0093.
type Watch struct {
	// May returns why the request would be refused now. It is asked by one goroutine.
	May func(ctx context.Context) error
	// Leaving is closed when the server is told to stop.
	Leaving <-chan struct{}
	// Ended, Unsure and Left are the causes: the right ended, nobody could tell any more whether it
	// had, the server stops.
	Ended, Unsure, Left error
}

// Begin returns a context that ends within about a second of the right to an answer, or when the server
// is told to stop. Its cause says why. stop ends the questions.
func (w Watch) Begin(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		sure := time.Now() //nolint:forbidigo // how long it is not known is not a matter of the day's time
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.Leaving:
				cancel(w.Left)
				return
			case <-tick.C:
			}
			err := w.ask(ctx)
			switch {
			case err == nil:
				sure = time.Now() //nolint:forbidigo // as above
			case fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound):
				cancel(w.Ended)
				return
			case time.Since(sure) > unsure: //nolint:forbidigo // as above
				cancel(w.Unsure)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

func (w Watch) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return w.May(ctx)
}
