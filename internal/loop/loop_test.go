package loop_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// times runs a loop in a bubble with its own clock, and returns when its rounds began.
func times(t *testing.T, until, takes time.Duration, wakeAt ...time.Duration) (at []time.Duration, ended time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		wake := make(chan struct{}, 1)
		for _, d := range wakeAt {
			time.AfterFunc(d, func() { wake <- struct{}{} })
		}
		loop.EveryOr(ctx, time.Second, wake, func(context.Context) {
			at = append(at, time.Since(began))
			time.Sleep(takes)
		})
		ended = time.Since(began)
	})
	return at, ended
}

func equal(t *testing.T, what string, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: rounds at %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: rounds at %v, want %v", what, got, want)
		}
	}
}

const second = time.Second

func TestARoundComesAfterEachInterval(t *testing.T) {
	at, ended := times(t, 3500*time.Millisecond, 0)
	equal(t, "short rounds", at, second, 2*second, 3*second)
	if ended != 3500*time.Millisecond {
		t.Errorf("it ended after %v", ended)
	}
}

func TestRoundsDoNotOverlapNorPileUp(t *testing.T) {
	at, _ := times(t, 8*second, 2500*time.Millisecond)
	equal(t, "long rounds", at, second, 3500*time.Millisecond, 6*second)
}

func TestARoundComesWhenItIsWoken(t *testing.T) {
	at, _ := times(t, 2500*time.Millisecond, 0, 300*time.Millisecond, 1400*time.Millisecond)
	equal(t, "woken rounds", at, 300*time.Millisecond, second, 1400*time.Millisecond, 2*second)
}

func TestNoRoundBeginsAfterTheEnd(t *testing.T) {
	for range 100 { // select takes any case that is ready
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		loop.EveryOr(ctx, time.Nanosecond, wake, func(context.Context) { t.Fatal("a round after the end") })
	}
}

func TestAPanicGoesUp(t *testing.T) {
	defer func() {
		if recover() != "round" {
			t.Error("the panic did not come")
		}
	}()
	loop.Every(t.Context(), time.Nanosecond, func(context.Context) { panic("round") })
}
