package faultlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/faultlog"
)

func TestALastingFaultIsWrittenOnceAMinute(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	var out bytes.Buffer
	log := slog.New(faultlog.New(slog.NewTextHandler(&out, nil), func() time.Time { return at }))
	lines := func() int { return strings.Count(out.String(), "\n") }
	child := log.With(slog.String("part", "mail")).WithGroup("g")
	for n := range 180 {
		full := errors.New(fmt.Sprint("write to port ", 40_000+n, ": no space left"))
		log.Error("request failed", slog.Int("event", n), slog.Any("error", full))
		child.Error("request failed", slog.Any("error", full))
		at = at.Add(time.Second)
	}
	if lines() != 3 || !strings.Contains(out.String(), "left_out=119") {
		t.Errorf("three minutes of one fault:\n%s", out.String())
	}
	out.Reset()
	for range 3 {
		log.Error("request failed", slog.Any("error", errors.New("another")))
		log.Error("another", slog.Any("error", errors.New("another")))
		log.Warn("a line without a fault")
		log.Info("news", slog.Any("error", errors.New("another")))
	}
	if lines() != 8 {
		t.Errorf("%d lines, want 2 faults and 6 others:\n%s", lines(), out.String())
	}
	out.Reset()
	at = at.Add(-time.Hour) // a clock that was set back must not silence anything
	log.Error("request failed", slog.Any("error", errors.New("another")))
	if lines() != 1 {
		t.Error("nothing was written after the clock went back")
	}
	for n := range 2000 {
		log.Error("request failed", slog.Any("error", errors.New(strings.Repeat("x", n))))
	}
	if lines() != 2001 {
		t.Errorf("%d lines of 2000 faults", lines()-1)
	}
}
