// Package loop does background work again and again until its context ends.
//
// Its promise: rounds never overlap, and none begins after the context has ended. A
// round that takes longer than the interval is followed by one round at once, not by
// all that were missed. A panic of a round goes up to the caller.
package loop

import (
	"context"
	"time"
)

// Every calls round after each interval until ctx ends. Work that must also be done
// at the start, or once more at the end, is a call before or after it.
func Every(ctx context.Context, interval time.Duration, round func(context.Context)) {
	EveryOr(ctx, interval, nil, round)
}

// EveryOr is Every that also calls round when wake has something. A nil wake never
// has.
func EveryOr(ctx context.Context, interval time.Duration, wake <-chan struct{}, round func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
		if ctx.Err() != nil { // select takes any of the cases that are ready
			return
		}
		round(ctx)
	}
}
