package app

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// guard keeps web pages that the user of this machine happens to open from
// talking to a server that listens for this machine alone: by a form or script
// of another origin, or by a name that was made to point here (DNS rebinding).
// No other client sends what it looks at. What is refused leaves an event.
func guard(hosts []string, api *httpapi.API, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mcpserver.HostAllowed(r, hosts) && origin.Check(r) == nil {
			next.ServeHTTP(w, r)
			return
		}
		api.RefuseOrigin(w, r)
	})
}
