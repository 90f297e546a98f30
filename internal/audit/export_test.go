package audit

import (
	"context"
	"time"
)

// Flush is what Run does each second.
func (c *Coalescer) Flush(ctx context.Context, now time.Time) { c.flush(ctx, now) }

// Waiting is how many wait for a verification.
func (l *Log) Waiting(org string, scope Scope) int {
	l.runs.mu.Lock()
	defer l.runs.mu.Unlock()
	if v := l.runs.under[task{org, scope}]; v != nil {
		return v.waiting
	}
	return 0
}

// Look is what Run does at its start, Sign what it does each second.
func (l *Log) Look(ctx context.Context) { l.look(ctx) }
func (l *Log) Sign(ctx context.Context) { l.sign(ctx, checkpointEvents) }
