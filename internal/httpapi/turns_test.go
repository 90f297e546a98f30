package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
)

// A request that was beaten over and over has its turn before those that come
// later: an admin who ends rights in a loop can't keep an owner from removing them.
func TestWhoWasBeatenGoesFirst(t *testing.T) {
	for name, test := range map[string]struct {
		org         string // of those that come later; the turn is of "a"
		takes, want time.Duration
		gone        bool // their caller is
	}{
		"the same organisation":  {org: "a", takes: 100 * time.Millisecond, want: 100 * time.Millisecond},
		"another one":            {org: "b", takes: 100 * time.Millisecond},
		"a turn that takes long": {org: "a", takes: time.Minute, want: httpapi.GiveWayFor},
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
				var turns httpapi.Turns
				began, done := time.Now(), turns.Wait("a")
				if test.takes == 0 {
					done()
				} else {
					time.AfterFunc(test.takes, done)
				}
				turns.GiveWay(ctx, test.org)
				if took := time.Since(began); took != test.want {
					t.Errorf("it went on after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// An admin who makes rules over and over ends rights with each, and so has the removal
// of themselves decided anew, but not for ever.
func TestNobodyStaysByEndingRights(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s := openSession(t, oneByOne, database.on)
			h := s.ada.member("rolf", "admin")
			tries := 0
			var f func()
			f = func() {
				tries++
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // who gives way does nothing then
				defer cancel()
				s.do("POST", "/v1/security/ip-rules", h.token, object{"rule_type": "deny", "cidr": "198.18.0." + itoa(tries)},
					func(r *http.Request) { *r = *r.WithContext(ctx) })
				s.between.Store(&f)
			}
			s.between.Store(&f)
			s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204)
		})
	}
}
