package app

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// guard keeps web pages that the user of this machine happens to open from
// talking to a server that listens for this machine alone: by a form or script
// of another origin, or by a name that was made to point here (DNS rebinding).
// No other client sends what it looks at.
func guard(hosts []string, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mcpserver.HostAllowed(r, hosts) && origin.Check(r) == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusForbidden)
		// A write fails when the client is gone.
		_, _ = w.Write([]byte(`{"type":"about:blank","title":"Forbidden","status":403,"code":"forbidden_origin",` +
			`"detail":"This address takes no requests for that host or from that web page. Behind a proxy, set ONECLAW_PUBLIC_URL to the address it is reached at."}`))
	})
}
