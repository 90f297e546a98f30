package gate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

var (
	errEnds, errDoubt, errStops = errors.New("ended"), errors.New("unsure"), errors.New("stops")
	errRefused                  = fault.New(fault.Denied, "no", "no")
	errAway                     = errors.New("the database does not answer")
)

// TestAnAnswerEndsWithWhatItRestsOn, in time that runs as the test says.
func TestAnAnswerEndsWithWhatItRestsOn(t *testing.T) {
	for name, c := range map[string]struct {
		may   func(since time.Duration) error
		stops time.Duration // when the server is told to; 0: not
		cause error
		from  time.Duration
		to    time.Duration
	}{
		"nothing ends":           {cause: nil, from: time.Hour, to: time.Hour},
		"the right ends":         {may: after(3*time.Second, errRefused), cause: errEnds, from: 3 * time.Second, to: 3250 * time.Millisecond},
		"nobody knows":           {may: after(3*time.Second, errAway), cause: errDoubt, from: 8 * time.Second, to: 8250 * time.Millisecond},
		"nobody knows for a bit": {may: between(3*time.Second, 7*time.Second, errAway), cause: nil, from: time.Hour, to: time.Hour},
		"no answer comes":        {may: never(3 * time.Second), cause: errDoubt, from: 8 * time.Second, to: 9250 * time.Millisecond},
		"the server stops":       {stops: time.Second, cause: errStops, from: time.Second, to: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, leaving := time.Now(), make(chan struct{})
				if c.stops > 0 {
					time.AfterFunc(c.stops, func() { close(leaving) })
				}
				may := func(ctx context.Context) error {
					if c.may == nil {
						return nil
					}
					err := c.may(time.Since(began))
					if errors.Is(err, context.DeadlineExceeded) {
						<-ctx.Done()
						return ctx.Err()
					}
					return err
				}
				ctx, stop := gate.Watch{May: may, Leaving: leaving, Ended: errEnds, Unsure: errDoubt, Left: errStops}.Begin(t.Context())
				defer stop()
				select {
				case <-ctx.Done():
				case <-time.After(time.Hour):
				}
				if took := time.Since(began); !errors.Is(context.Cause(ctx), c.cause) || took < c.from || took > c.to {
					t.Errorf("ended after %v: %v", took, context.Cause(ctx))
				}
			})
		})
	}
}

func after(from time.Duration, err error) func(time.Duration) error {
	return between(from, time.Hour*2, err)
}

func between(from, to time.Duration, err error) func(time.Duration) error {
	return func(since time.Duration) error {
		if since > from && since < to {
			return err
		}
		return nil
	}
}

func never(from time.Duration) func(time.Duration) error {
	return after(from, context.DeadlineExceeded)
}
