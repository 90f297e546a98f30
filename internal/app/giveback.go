package app

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// giveBack returns memory to the system after large bodies and answers have gone.
// The collector, which then sees a small heap, would keep it for minutes.
func (a *App) giveBack(ctx context.Context) {
	const burst = 16 << 20
	held := false
	loop.Every(ctx, 5*time.Second, func(context.Context) {
		in, out := a.api.Peak()
		if in+out > burst {
			held = true
			return
		}
		if held {
			held = false
			debug.FreeOSMemory()
		}
	})
}
