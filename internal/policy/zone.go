package policy

import (
	"time"
	_ "time/tzdata" // the same zones on every machine, with and without a system database
)

// parseZone finds a time zone by its IANA name. "Local" is refused: it would
// mean something else on each node. This is the one place of the package that
// may read a file (the system's zone database, before the embedded one); it runs
// when a policy is compiled, never in a decision.
func parseZone(name string) (*time.Location, bool) {
	if name == "" || len(name) > 64 || name == "Local" {
		return nil, false
	}
	for i := range len(name) {
		c := name[i]
		if !isPatternByte(c) && c != '/' && c != '+' || c == '*' {
			return nil, false
		}
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil
}
