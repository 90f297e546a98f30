package httpapi_test

import (
	"strings"
	"testing"
)

// A key that is capped to some paths is told of no requests for others, whatever
// its owner may see.
func TestACappedKeyIsToldOfNoOtherRequests(t *testing.T) {
	g := openGated(t, true)
	id := g.asked("gated/one")
	for scope, n := range map[string]int{"gated/**": 1, "gated/o*": 1, "other/**": 0, "approval:read secret:read": 1, "approval:read": 0} {
		key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "k", "scopes": strings.Fields(scope)}).want(201).str("api_key")
		status := map[int]int{1: 200, 0: 404}[n]
		if l := g.do("GET", "/v1/approvals", key, nil).want(200).list("approvals"); len(l) != n {
			t.Errorf("with %s: %v", scope, l)
		}
		r := g.do("GET", "/v1/approvals/"+id, key, nil)
		r.what += " with " + scope
		r.want(status)
	}
}
