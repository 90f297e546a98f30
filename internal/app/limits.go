package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
)

// limits are the configured rates. Nodes on one PostgreSQL share their buckets
// there; on SQLite this process is alone.
func (a *App) limits() ratelimit.Limits {
	l := ratelimit.Limits{
		Auth: ratelimit.Rate(a.cfg.RateAuth), Address: ratelimit.Rate(a.cfg.RateAddress), Principal: ratelimit.Rate(a.cfg.RatePrincipal),
		Invites: ratelimit.DefaultLimits().Invites, Invited: ratelimit.DefaultLimits().Invited,
	}
	if a.db.Engine() == "postgres" {
		l.Shared = a.db
	}
	return l
}

// sweepLimits drops shared buckets that are full again.
func (a *App) sweepLimits(ctx context.Context) {
	loop.Every(ctx, time.Minute, func(ctx context.Context) {
		if err := a.db.SweepLimits(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("rate limits could not be swept", slog.Any("error", err))
		}
	})
}
