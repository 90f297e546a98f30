package app

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// Serve serves on the listeners until ctx ends; then it lets requests under way
// finish. ready is called once the server answers. Files that were replaced are looked
// at when hurry has something.
func (a *App) Serve(ctx context.Context, l *listen.Listeners, hurry <-chan os.Signal, ready func() error) error {
	defer context.AfterFunc(ctx, func() { time.AfterFunc(streamsGoOn, func() { a.models.Leave(); a.relay.Leave(); a.api.Leave() }) })()
	s := a.servers(l.At)
	s.Hurry = hurry
	return l.Serve(ctx, s, ready)
}

// servers is what is served at addresses.
func (a *App) servers(at listen.Addresses) listen.Servers {
	s := listen.Servers{
		API:     a.meters.count(a.surface, a.routes(hostOf(at.API))),
		Shroud:  a.meters.count(func(*http.Request) string { return "shroud" }, guard(hostOf(at.Shroud), a.api, a.models)),
		Proxies: proxies.New(a.cfg.TrustedProxies, a.cfg.ProxyHeader), Log: a.log, Now: now,
	}
	if a.meters != nil {
		s.Metrics = guard(hostOf(at.Metrics), a.api, a.meters)
	}
	return s
}

// surface says which of the server's faces a request to its main address is for.
func (a *App) surface(r *http.Request) string {
	switch {
	case r.URL.Path == "/mcp":
		return "mcp"
	case a.pages.At(r.URL.Path) != nil, a.signedIn.Has(r.URL.Path):
		return "pages"
	}
	return "rest"
}

// streamsGoOn is how long answers of models, and of others with secrets, go on once the server is told to stop: their ends must be told
// and what they cost be stored before connections are cut off (internal/listen).
const streamsGoOn = 3 * time.Second

func hostOf(base string) []string {
	u, err := url.Parse(base)
	if err != nil {
		return nil
	}
	return []string{u.Hostname()}
}

// routes puts the API, the MCP endpoint and the pages on one address.
func (a *App) routes(hosts []string) http.Handler {
	mcp := a.mcp(a.api, hosts)
	trusted := proxies.New(a.cfg.TrustedProxies, a.cfg.ProxyHeader)
	return guard(hosts, a.api, listen.ForwardedCertificates(a.cfg.ClientCertHeader, trusted, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := a.pages.At(r.URL.Path)
		switch {
		case page != nil:
			page.ServeHTTP(w, r)
		case a.signedIn.Has(r.URL.Path):
			a.signedIn.ServeHTTP(w, r)
		case r.URL.Path == "/mcp":
			mcp.ServeHTTP(w, r)
		case r.URL.Path == "/health":
			mcpserver.Health(func(ctx context.Context) bool { return a.state(ctx).Reason == "" }).ServeHTTP(w, r)
		default:
			a.api.ServeHTTP(w, r)
		}
	})))
}

// mcp is the MCP endpoint, whose tools call api.
func (a *App) mcp(api http.Handler, hosts []string) http.Handler {
	return mcpserver.Handler(mcpserver.HTTPConfig{
		NewClient: mcpserver.InProcessClients(api, a.version, a.log), Version: a.version, Hosts: hosts, Log: a.log, Receive: a.receive,
		Refused: func(r *http.Request, status int, reason string) error {
			return asClient(a.api.Refused(r, status, reason))
		},
	})
}
