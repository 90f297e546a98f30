package audit

import (
	"context"
	"time"
)

// Flush is what Run does each second.
func (c *Coalescer) Flush(ctx context.Context, now time.Time) { c.flush(ctx, now) }
