package config

import (
	"errors"
	"strconv"
	"time"
)

// Wait is how long something is waited for: whole seconds, minutes or hours, from a second to LongestWait.
type Wait time.Duration

// LongestWait is the longest Wait.
const LongestWait = Wait(24 * time.Hour)

var errWait = errors.New("a time to wait is whole seconds, minutes or hours from 1s to 24h, such as 90s, 10m or 1h")

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Wait) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errWait
	}
	unit := map[byte]Wait{'s': Wait(time.Second), 'm': Wait(time.Minute), 'h': Wait(time.Hour)}[b[len(b)-1]]
	n, err := strconv.ParseUint(string(b[:len(b)-1]), 10, 17)
	if err != nil || n == 0 || unit == 0 || Wait(n)*unit > LongestWait {
		return errWait
	}
	*w = Wait(n) * unit
	return nil
}
