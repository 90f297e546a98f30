package httpapi_test

import (
	"net/http"
	"testing"
)

// TestAHeaderThatIsReadOnceIsSentOnce: a proxy or a log may have looked at the other one.
func TestAHeaderThatIsReadOnceIsSentOnce(t *testing.T) {
	s := openSession(t)
	twice := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = []string{"one", "two"} }
	}
	at := "/v1/agents/" + s.worker.id
	for _, to := range []struct{ path, header string }{
		{"/transactions", "Idempotency-Key"}, {"/transactions/sign", "Idempotency-Key"},
		{"/transactions", "X-Vault-ID"}, {"/transactions/simulate", "X-Vault-ID"},
	} {
		s.do("POST", at+to.path, s.worker.token, payment("base"), twice(to.header)).want(400)
	}
	s.do("GET", "/v1/share/"+s.worker.id, "", nil, twice("X-Share-Passphrase")).want(400)
}
