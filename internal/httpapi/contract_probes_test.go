package httpapi_test

import "testing"

// Who tries paths and verbs that do not exist shows in the log of its
// organisation, under its name.
func TestProbesOfAKnownCallerAreInItsOrganisationsLog(t *testing.T) {
	s := openSession(t)
	for target, method := range map[string]string{"/v1/nothing/here": "GET", "/v1/vaults": "PATCH"} {
		events := s.during(func() { s.do(method, target, s.ada.token, nil) })
		if len(events) != 1 || events[0].actor != s.ada.id || events[0].detail("outcome") != "failed" {
			t.Errorf("%s %s left %+v", method, target, events)
		}
	}
}
