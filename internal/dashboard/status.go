package dashboard

import (
	"context"
	"net/http"
)

// State is how the server is.
type State struct {
	Reason                      string // a fault's code; empty when the server is well
	Version, Database, Keystore string
	Connected                   bool // the keystore answers
}

// statusPage says whether the server is well. It holds nothing that a stranger
// should not see.
type statusPage struct {
	*site
	state func(ctx context.Context) State
}

// ServeHTTP implements http.Handler.
func (p *statusPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	state := p.state(r.Context())
	headers(w, "form-action 'none'")
	p.show(w, "status.html", http.StatusOK, state)
}
