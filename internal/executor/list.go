package executor

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Bounds of a listing.
const (
	MaxListed = 200
	keep      = 30 * 24 * time.Hour
	every     = time.Hour
	soon      = time.Minute
)

// Executions returns those of an agent, the newest first: an agent its own, a human those of an
// agent that it manages. They stay for 30 days; the log has the uses for as long as it stands.
func (s *Service) Executions(ctx context.Context, c *call.Call, agent string, limit, after int) ([]Execution, error) {
	if _, err := s.over(ctx, c, agent, policy.ListExecutions); err != nil {
		return nil, err
	}
	all, err := s.cfg.Store.Executions(ctx, c.Who.Org, agent, limit, after)
	for i := range all {
		all[i].cut(c.Now)
	}
	return all, err
}

// Run removes old executions, and says of those that were cut off with a server that they were, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	s.Recover(ctx)
	swept := s.cfg.Now()
	loop.Every(ctx, soon, func(ctx context.Context) {
		now := s.cfg.Now()
		s.interrupted(ctx, now.Add(-interrupted), false)
		if now.Sub(swept) < every {
			return
		}
		swept = now
		if err := s.cfg.Store.SweepExecutions(ctx, now.Add(-keep)); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("old executions were not removed", slog.Any("error", err))
		}
	})
}

// Recover says of executions of before this server began that they were cut off: where it is alone all of them were.
func (s *Service) Recover(ctx context.Context) {
	before := s.cfg.Now().Add(-interrupted)
	if s.cfg.Alone {
		before = s.began
	}
	s.interrupted(ctx, before, s.cfg.Alone)
}

func (s *Service) interrupted(ctx context.Context, before time.Time, alone bool) {
	if err := s.cfg.Store.EndInterrupted(ctx, before, alone); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("executions that were cut off were not ended", slog.Any("error", err))
	}
}
