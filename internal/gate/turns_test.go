package gate

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A request that was beaten over and over has its turn before those that come
// later: an admin who ends rights in a loop can't keep an owner from removing them.
func TestARequestThatWasBeatenGoesFirst(t *testing.T) {
	for name, test := range map[string]struct {
		org         string // of those that come later; the turn is of "a"
		takes, want time.Duration
		gone        bool // their caller is
	}{
		"the same organisation":  {org: "a", takes: 100 * time.Millisecond, want: 100 * time.Millisecond},
		"another one":            {org: "b", takes: 100 * time.Millisecond},
		"a turn that takes long": {org: "a", takes: time.Minute, want: giveWayFor},
		"a caller who is gone":   {org: "a", takes: time.Minute, gone: true},
		"a turn that is over":    {org: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock is not the machine's
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.gone {
					cancel()
				}
				var all turns
				began, done := time.Now(), all.wait("a")
				if test.takes == 0 {
					done()
				} else {
					time.AfterFunc(test.takes, done)
				}
				all.giveWay(ctx, test.org)
				if took := time.Since(began); took != test.want {
					t.Errorf("it went on after %v, want %v", took, test.want)
				}
			})
		})
	}
}
