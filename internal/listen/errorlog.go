package listen

import (
	"context"
	"log/slog"
	"strings"
)

// quiet is where net/http tells of connections. What a handler panicked with may hold traffic: its words are left out,
// and the place stays.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler. Handle asks the other.
func (quiet) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler. It gets one message at a time.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	const panicked = "panic serving "
	if strings.Contains(r.Message[:min(len(r.Message), 64)], panicked) {
		stack := ""
		if at := strings.LastIndex(r.Message, "\ngoroutine "); at >= 0 {
			stack = r.Message[at+1:]
		}
		r = slog.NewRecord(r.Time, slog.LevelError, "a handler panicked", r.PC)
		r.AddAttrs(slog.String("stack", stack))
	}
	if !q.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}
