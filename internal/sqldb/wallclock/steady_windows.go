package wallclock

import (
	"time"

	"golang.org/x/sys/windows"
)

// Steady is the time on a clock that nobody sets and that runs while the machine
// sleeps. Only differences mean anything.
func Steady() time.Duration { return windows.DurationSinceBoot() }
