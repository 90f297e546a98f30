package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// keysEvery is how often a server looks whether the keys are there that it seals with.
const keysEvery = 10 * time.Second

var errKeyLost = fault.New(fault.Unavailable, "sealing_key_lost", "A key that the server seals its own things with is lost or damaged: oneclaw doctor names it.")

// lookAtKeys notes whether a key is lost or damaged that the server seals its own things
// with. Who needs it is refused; all else is served.
func (a *App) lookAtKeys(ctx context.Context) error {
	lost, err := a.sealing.Look(ctx)
	if err != nil {
		return err
	}
	if is := len(lost) > 0; a.keyLost.Swap(is) == is {
		return nil
	}
	for _, k := range lost {
		a.log.Error("a key of the server is lost or damaged", slog.String("what", k.String()))
	}
	if len(lost) == 0 {
		a.log.Info("the keys of the server are all there again")
	}
	return nil
}

// watchKeys keeps looking. A keystore or database that does not answer is told elsewhere.
func (a *App) watchKeys(ctx context.Context) {
	loop.Every(ctx, keysEvery, func(ctx context.Context) { _ = a.lookAtKeys(ctx) })
}
