package listen

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

const (
	// leave is how long clients get to close connections that they keep open.
	leave = 500 * time.Millisecond
	// drain is how long requests under way may take once the server is told to stop.
	// With what follows it, the process ends within 8 s, before those who started it kill it.
	drain = 5 * time.Second
)

// answer tells clients, from the moment when the server is to stop, that the
// connection ends with this answer. It always does after a chunked request of HTTP/1.1:
// it may have come with a Content-Length as well, which net/http drops without a word, and then
// a proxy may read the next request elsewhere (RFC 9112, section 6.1).
func (c *connections) answer(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.leaving.Load() || r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// end stops the servers, whose ports are closed already: it waits for clients to
// leave, then closes what is idle (Shutdown alone would do so at once, and a client
// that is just sending on it can't know whether its request was done), then waits for requests under way. Clients that
// hold a request open beyond that are cut off; the server has done its part then,
// so that is logged and is no error.
func (c *connections) end(ctx context.Context, servers []*http.Server, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	c.leaving.Store(true)
	c.gone(ctx)
	var errs []error
	for _, s := range servers {
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			log.Warn("requests that did not end were cut off", slog.Int("connections", c.open()))
			err = s.Close()
			c.gone(context.WithoutCancel(ctx)) // for their audit events
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// gone waits for the connections to end, for as long as leave.
func (c *connections) gone(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leave)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for c.open() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
