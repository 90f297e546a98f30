package wallclock

import "golang.org/x/sys/unix"

// steadyClock is the clock that nobody sets and that runs while the machine sleeps.
const steadyClock = unix.CLOCK_MONOTONIC
