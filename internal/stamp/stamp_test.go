package stamp_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

func TestOf(t *testing.T) {
	for _, in := range []time.Time{
		time.Now(), // with the monotonic clock
		time.Date(2026, 11, 1, 10, 0, 0, 123_456_789, time.FixedZone("", 5*3600)),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		got := stamp.Of(in)
		if back := time.UnixMicro(got.UnixMicro()).UTC(); got != back {
			t.Errorf("%v comes back from a row as %v", got, back)
		}
		if d := in.Sub(got); d < 0 || d >= time.Microsecond {
			t.Errorf("%v became %v", in, got)
		}
	}
	if !stamp.Of(time.Time{}).IsZero() {
		t.Error("the zero time became another")
	}
}
