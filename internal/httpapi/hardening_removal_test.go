package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// An admin who makes rules over and over ends rights with each, and so has the removal
// of themselves decided anew, but not for ever.
func TestAMemberIsRemovedWhoEndsRightsAllTheTime(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s := openSession(t, rest.OneByOne, database.on)
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
