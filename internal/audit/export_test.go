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
