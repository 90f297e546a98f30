package mcpserver

import (
	"context"
	"io"
	"net/http"
)

// Health is GET /health of the contract's HTTP mode (clients.md section 4). A server that is
// not well answers 503; GET /v1/health says why.
func Health(well func(context.Context) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
		case !well(r.Context()):
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "Degraded: see /v1/health")
		default:
			_, _ = io.WriteString(w, "✓ Ok")
		}
	})
}
