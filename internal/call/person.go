package call

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// RequirePerson refuses, with person_required, a call that no person makes who
// has just signed in. Actions that always take one say so in their policy.Rule,
// which policy.Decide holds; this is for those that take one now and then.
func (c *Call) RequirePerson() error {
	if c.PersonHere() {
		return nil
	}
	return policy.ErrPersonRequired
}

// PersonHere reports whether a person makes the call who has just signed in.
func (c *Call) PersonHere() bool { return c.Who.Here(c.Now) }

// longest is how long a credential may last that nobody was there for: beyond
// that it is as good as without end.
const longest = 90 * 24 * time.Hour

// RequirePersonBeyond is RequirePerson for a credential that is to end at end (zero:
// never): it is refused when nobody is there and it would not end, or later than
// the one that makes it, or in more than 90 days.
func (c *Call) RequirePersonBeyond(end time.Time) error {
	if end.IsZero() || c.outlives(end) || end.After(c.Now.Add(longest)) {
		return c.RequirePerson()
	}
	return nil
}

// Capped is the end of what the call makes when it is asked to end at end (zero:
// never). With nobody there it ends with the key, the device's login or the agent
// that makes it. A login that was left open makes nothing that outlives it: it
// has minutes left, and signing in again is what was meant.
func (c *Call) Capped(end time.Time) (time.Time, error) {
	switch {
	case !c.outlives(end) || c.PersonHere():
		return end, nil
	case c.Who.Kind == policy.KindUser && c.Who.Key == "" && !c.Who.Device:
		return end, c.RequirePerson()
	}
	return c.Who.Ends, nil
}

// RequirePersonToLast is RequirePerson for what has no end, made by a credential that
// has one.
func (c *Call) RequirePersonToLast() error {
	if c.outlives(time.Time{}) {
		return c.RequirePerson()
	}
	return nil
}

// outlives reports whether an end (zero: never) is later than that of the
// credential that the call came with.
func (c *Call) outlives(end time.Time) bool {
	return !c.Who.Ends.IsZero() && (end.IsZero() || end.After(c.Who.Ends))
}
