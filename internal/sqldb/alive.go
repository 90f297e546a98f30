package sqldb

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// errSilent ends long work on a PostgreSQL that does not answer any more.
var errSilent = fault.New(fault.Unavailable, "database_unavailable", "The database does not answer.")

// WhileAlive returns a context for work that may take long, such as a backup. It ends
// when PostgreSQL has answered nothing for as long as patience, on a connection beside
// those that work, which tells slow from gone. Failure makes an error that comes of that
// end one that says so; it must be called, with the work's error, at its end.
func (db *DB) WhileAlive(ctx context.Context, patience time.Duration) (_ context.Context, failure func(error) error) {
	if !db.eng.Postgres {
		return ctx, func(err error) error { return err }
	}
	ctx, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wait := patience / 4; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			ask, cancel := context.WithTimeout(ctx, patience)
			err := db.walks.PingContext(ask)
			cancel()
			if err != nil {
				end(errSilent)
				return
			}
		}
	}()
	return ctx, func(err error) error {
		if err != nil && errors.Is(context.Cause(ctx), errSilent) {
			err = fault.Wrap(err, errSilent.Kind, errSilent.Code, errSilent.Detail)
		}
		end(nil)
		<-done
		return err
	}
}
