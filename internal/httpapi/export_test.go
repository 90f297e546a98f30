package httpapi

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// AddRoute registers a handler that no document lists, so that tests can see
// what the gate makes of handlers that misbehave.
func (a *API) AddRoute(method, path string, action policy.Action, h http.HandlerFunc) {
	a.router.add(method, path, &route{Route: gate.Route{Path: path, Action: action, Serve: func(x *gate.Request, r *http.Request) error { h(x, r); return nil }}})
}

// ActionOf returns the action that an operation of the document declares.
func ActionOf(metadata map[string]any) (policy.Action, bool) {
	m, ok := metadata[metaKey].(opMeta)
	return m.action, ok
}

// ParseCursor reads a cursor.
func ParseCursor(s string) (string, error) { return parseCursor(s) }
