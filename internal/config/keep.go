package config

import (
	"errors"
	"strconv"
	"time"
)

// Keep is how long something is kept: whole hours or days up to LongestKept, or off (0).
type Keep time.Duration

// LongestKept is the longest Keep.
const LongestKept = Keep(90 * 24 * time.Hour)

var errKeep = errors.New("a time to keep is whole hours or days up to 90 days, such as 48h or 7d, or off")

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Keep) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "off" || s == "" {
		*k = 0
		return nil
	}
	unit := Keep(time.Hour)
	if s[len(s)-1] == 'd' {
		unit *= 24
	} else if s[len(s)-1] != 'h' {
		return errKeep
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	if err != nil || n == 0 || Keep(n)*unit > LongestKept {
		return errKeep
	}
	*k = Keep(n) * unit
	return nil
}
