package sharing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
)

func TestWrongPassphrasesLockAShareForLongerAndLonger(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for failed, lock := range map[int64]time.Duration{
		0: 0, 8: 0, 9: time.Minute, 10: 0, 19: 2 * time.Minute, 29: 4 * time.Minute, 109: 1024 * time.Minute, 119: 24 * time.Hour, 9_999: 24 * time.Hour,
	} {
		tries, err := sharing.Tries{Failed: failed}.Next(now)
		if err != nil || tries.Failed != failed+1 || !tries.Locked.IsZero() != (lock > 0) {
			t.Errorf("after %d wrong ones: %+v, %v", failed, tries, err)
			continue
		}
		if lock == 0 {
			continue
		}
		if d := tries.Locked.Sub(now); d != lock {
			t.Errorf("after %d wrong ones: locked for %v, want %v", failed+1, d, lock)
		}
		same, err := tries.Next(tries.Locked.Add(-time.Second))
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != "share_locked" || e.RetryAfter != time.Second || same != tries {
			t.Errorf("a second before the lock ends: %+v, %v", same, err)
		}
		if again, err := tries.Next(tries.Locked); err != nil || again.Failed != failed+2 {
			t.Errorf("at the end of the lock: %+v, %v", again, err)
		}
	}
}

func TestWhenAnotherShareFits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for ago, wait := range map[time.Duration]time.Duration{0: time.Minute, 20 * time.Second: 40 * time.Second, time.Minute - 1: time.Second} {
		e, ok := errors.AsType[*fault.Error](sharing.Crowded(now.Add(-ago), now))
		if !ok || e.Code != "rate_limited" || e.RetryAfter != wait {
			t.Errorf("%v after the first of ten: %+v, want to wait %v", ago, e, wait)
		}
	}
	for l, want := range map[sharing.Letters][2]bool{{All: 2}: {true, false}, {All: 3}: {false, false}, {All: 3, Own: 2}: {false, false}, {All: 3, Own: 3}: {false, true}} {
		if l.Tells() != want[0] || l.Warns() != want[1] {
			t.Errorf("%+v: an address gets one more: %v, and its organisation is warned: %v", l, l.Tells(), l.Warns())
		}
	}
}
