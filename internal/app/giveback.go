package app

import (
	"context"
	"runtime/debug"
	"time"
)

// giveBack returns memory to the system after large bodies and answers have gone.
// The collector, which then sees a small heap, would keep it for minutes.
func (a *App) giveBack(ctx context.Context) {
	const burst = 16 << 20
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for held := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		in, out := a.api.Peak()
		if in+out > burst {
			held = true
			continue
		}
		if held {
			held = false
			debug.FreeOSMemory()
		}
	}
}
