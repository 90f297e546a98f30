// Package stamp says how exactly a time is kept.
//
// Its promise: a time that passed Of is the same after it was written to either
// database and read back, so an answer, an event and a row say the same.
package stamp

import "time"

// Of returns the time as rows keep it: in UTC, in whole microseconds.
func Of(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// End is Of for an end that may be never, the zero time.
func End(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return Of(t)
}
