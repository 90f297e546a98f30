package httpapi_test

import (
	"io"
	"strings"
	"testing"
)

func TestABodyThatIsLeftOutChangesNothing(t *testing.T) {
	s := openSession(t)
	for _, op := range s.operations() {
		for id, status := range emptyIsFine {
			if op.OperationID != id || status != 200 || id == "approve-approval" || id == "decline-secret-request" || id == "test-agent-binding" { // two decide, one asks
				continue
			}
			get := func() string {
				target := s.target(op)
				if id == "update-policy" {
					target = "/v1/vaults/" + s.vault + "/policies"
				}
				return string(s.do("GET", target, s.ada.token, nil).want(200).body)
			}
			before := get()
			s.do(op.method, s.target(op), s.ada.token, nil).want(200)
			s.do(op.method, s.target(op), s.ada.token, "").want(200)
			s.do(op.method, s.target(op), s.ada.token, io.Reader(strings.NewReader(""))).want(200)
			if after := get(); after != before {
				t.Errorf("%s: %s became %s", id, before, after)
			}
		}
	}
}
