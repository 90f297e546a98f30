package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// A wait lasts no longer because the clock went back meanwhile.
func testAClockSetBackBarsNobodyLonger(t *testing.T, f *fixture) {
	ctx, now := t.Context(), moment.Add(48*time.Hour)
	g := &identity.Attempt{Here: counter(5)}
	for range 5 {
		must(t, f.CountAttempt(ctx, g, now))
	}
	want(t, "at once", f.CountAttempt(ctx, g, now), "too_many_attempts")
	want(t, "by a clock that differs a little", f.CountAttempt(ctx, g, now.Add(-30*time.Second)), "too_many_attempts")
	back := now.Add(-24 * time.Hour)
	must(t, f.CountAttempt(ctx, g, back))
	want(t, "a second one then", f.CountAttempt(ctx, g, back), "too_many_attempts")
}
