package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// AddRoute registers a handler that no document lists, so that tests can see
// what the gate makes of handlers that misbehave.
func (a *API) AddRoute(method, path string, action policy.Action, h http.HandlerFunc) {
	a.router.add(method, path, &route{action: action, serve: h})
}

// ActionOf returns the action that an operation of the document declares.
func ActionOf(metadata map[string]any) (policy.Action, bool) {
	m, ok := metadata[metaKey].(opMeta)
	return m.action, ok
}

// Buckets tells how many rate-limit buckets are held.
func (a *API) Buckets() int {
	n := 0
	for _, b := range []buckets{a.limits.auth, a.limits.addr, a.limits.who} {
		for i := range b.shards {
			s := &b.shards[i]
			s.mu.Lock()
			n += len(s.by)
			s.mu.Unlock()
		}
	}
	return n
}

// MaxBuckets is the bound on the buckets of one limit.
const MaxBuckets = 16 * maxShard

// ParseCursor reads a cursor.
func ParseCursor(s string) (string, error) { return parseCursor(s) }

// Turns are those of requests that are decided over and over.
type Turns struct{ turns }

// Wait is wait.
func (t *Turns) Wait(org string) (done func()) { return t.wait(org) }

// GiveWay is giveWay.
func (t *Turns) GiveWay(ctx context.Context, org string) { t.giveWay(ctx, org) }

// GiveWayFor is how long a request gives way.
const GiveWayFor = giveWayFor
