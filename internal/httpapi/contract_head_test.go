package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// HEAD is GET without the body (RFC 9110, section 9.3.2), and no way to look for free.
func TestHEADAnswersAsGETDoesAndSpendsWhatItSpends(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	at := secretAt(s.vault, "once")
	s.do("PUT", at, s.ada.token, object{"value": "hunter2", "max_access_count": 2}).want(201)
	var get, head reply
	looked := s.during(func() { get = s.do("GET", at, s.ada.token, nil).want(200) })
	headed := s.during(func() { head = s.do("HEAD", at, s.ada.token, nil).want(200) })
	if len(head.body) != 0 || len(get.body) == 0 {
		t.Errorf("bodies: HEAD %q, GET %q", head.body, get.body)
	}
	without := func(h http.Header) http.Header {
		h = h.Clone()
		h.Del("Date")
		return h
	}
	if a, b := without(get.header), without(head.header); !maps.EqualFunc(a, b, slices.Equal) {
		t.Errorf("GET has %v, HEAD %v", a, b)
	}
	if len(looked) != 1 || len(headed) != 1 || headed[0].action != looked[0].action || headed[0].resource != looked[0].resource {
		t.Errorf("GET left %v, HEAD %v", looked, headed)
	}
	s.do("HEAD", at, s.ada.token, nil).want(410)
	s.do("GET", at, s.ada.token, nil).want(410)
	for path, status := range map[string]int{
		"/v1/health": 200, "/v1/vaults": 200, "/v1/nope": 404, "/v1/vaults/" + nobodysID: 404, "/v1/auth/token": 405,
	} {
		if r := s.do("HEAD", path, s.ada.token, nil).want(status); len(r.body) != 0 {
			t.Errorf("HEAD %s has a body", path)
		}
	}
	s.do("HEAD", "/v1/vaults", "", nil).want(401)
}
