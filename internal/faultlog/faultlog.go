// Package faultlog keeps a lasting fault from filling the log of the server.
//
// Its promise: of warnings and errors that carry the same message and the same
// error, one a minute is written, with how many like it were left out since. All
// other lines pass untouched.
package faultlog

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// every is how often a fault that lasts is written.
const every = time.Minute

// maxFaults bounds how many faults are told apart.
const maxFaults = 256

// Handler is a slog.Handler that writes to another.
type Handler struct {
	next slog.Handler
	seen *faults
}

// faults are those seen lately. All handlers that were made from one share them.
type faults struct {
	now func() time.Time

	mu   sync.Mutex
	last map[string]*fault
}

type fault struct {
	at      time.Time // when it was written last
	leftOut int64
}

// New returns a Handler that writes to next.
func New(next slog.Handler, now func() time.Time) *Handler {
	return &Handler{next, &faults{now: now, last: map[string]*fault{}}}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.next.WithAttrs(attrs), h.seen}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.next.WithGroup(name), h.seen}
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		if of, has := faultOf(r); has {
			leftOut, write := h.seen.take(of)
			if !write {
				return nil
			}
			if leftOut > 0 {
				r = r.Clone()
				r.AddAttrs(slog.Int64("left_out", leftOut))
			}
		}
	}
	return h.next.Handle(ctx, r)
}

// faultOf names the fault that a line tells of. Numbers do not count: ports and
// times differ from one line to the next.
func faultOf(r slog.Record) (of string, has bool) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			of, has = r.Message+"\x00"+strings.Map(noDigit, a.Value.String()), true
		}
		return !has
	})
	return of, has
}

func noDigit(c rune) rune {
	if c >= '0' && c <= '9' {
		return -1
	}
	return c
}

// take reports whether a line is to be written, and how many were not since the
// last one that was.
func (f *faults) take(of string) (leftOut int64, write bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	known := f.last[of]
	if known != nil && now.Sub(known.at) < every && !now.Before(known.at) {
		known.leftOut++
		return 0, false
	}
	if known != nil {
		leftOut = known.leftOut
	} else if len(f.last) >= maxFaults {
		clear(f.last)
	}
	f.last[of] = &fault{at: now}
	return leftOut, true
}
