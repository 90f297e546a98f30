// Package pages gives tests the dashboard over a test world, and people who use it.
//
// Its promise is that of internal/testkit/world: all that the pages ask is real but
// the clock and the mail. Pages and API have one address on this machine, as with
// internal/app.
package pages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/signedin"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// Server is a test world with its pages.
type Server struct {
	*rest.World
	URL string

	t      testing.TB
	public string // where people open the pages: the same for all nodes

	provider *idp.Provider // that people may log in with; nil: none
}

// Open makes a Server. It ends with the test.
func Open(t testing.TB, change ...func(*rest.Setup)) *Server {
	t.Helper()
	return OpenAs(t, "", change...)
}

// OpenAs is Open for a server that people reach at a URL of the test's, such as one of
// https, where a proxy is before it.
func OpenAs(t testing.TB, public string, change ...func(*rest.Setup)) *Server {
	t.Helper()
	s := &Server{t: t, public: public}
	listener := s.listen()
	s.World = rest.Open(t, append(slices.Clone(change), s.named)...)
	s.serve(listener)
	return s
}

// OpenTrusting is Open for a server whose people may log in with a provider. Its clock is that
// of the provider, which has a real one.
func OpenTrusting(t testing.TB, p *idp.Provider) *Server {
	t.Helper()
	s := &Server{t: t, provider: p}
	listener := s.listen()
	s.World = rest.Open(t, s.named, func(w *rest.Setup) {
		before := w.People
		w.People = func(c *account.Config) {
			if before != nil {
				before(c)
			}
			c.LoginKeys, c.Logins = oidc.New(http.DefaultClient), []account.LoginProvider{{Issuer: p.Issuer, ClientID: p.ClientID}}
		}
	})
	s.Clock.Forward(time.Since(s.Clock.Now()))
	s.serve(listener)
	return s
}

// providers are those that the pages lead to.
func (s *Server) providers() []signedin.Provider {
	if s.provider == nil {
		return nil
	}
	return []signedin.Provider{{Name: "the provider", Flow: &oidc.Flow{Client: http.DefaultClient, Issuer: s.provider.Issuer, ClientID: s.provider.ClientID, Now: s.Clock.Now}}}
}

// OtherNode is another server on the same database and keystore, at an address of its
// own: see world.World.
func (s *Server) OtherNode() *Server {
	s.t.Helper()
	other := &Server{World: s.World.OtherNode(), t: s.t, public: s.public}
	other.serve(other.listen())
	return other
}

// listen takes an address, which the pages and the accounts have to know.
func (s *Server) listen() *httptest.Server {
	listener := httptest.NewUnstartedServer(nil)
	s.t.Cleanup(listener.Close)
	s.URL = "http://" + listener.Listener.Addr().String()
	if s.public == "" {
		s.public = s.URL
	}
	return listener
}

// named tells the accounts where people open the pages.
func (s *Server) named(w *rest.Setup) {
	before := w.People
	w.People = func(c *account.Config) {
		if before != nil {
			before(c)
		}
		c.PublicURL = s.public
	}
}

// serve starts the server.
func (s *Server) serve(listener *httptest.Server) {
	h := &routes{api: s.API}
	listener.Config.Handler = h
	listener.Start()
	h.open = dashboard.New(dashboard.Config{
		API: s.API, Log: s.Logger(), State: func(context.Context) dashboard.State { return dashboard.State{} },
		Device: s.Accounts.DeviceShown, Enrollment: s.Agents.EnrollmentByToken, Wanted: s.Wanted.Shown, Now: s.Clock.Now, PublicURL: s.public,
	})
	h.signedIn = signedin.New(signedin.Config{
		API: s.API, Logins: s.Identity, Log: s.Logger(), Now: s.Clock.Now, Version: rest.Version, PublicURL: s.public, ShroudURL: s.URL, Dev: true, Providers: s.providers(),
	})
}

// routes puts the pages and the API on one address.
type routes struct {
	api      http.Handler
	open     *dashboard.Pages
	signedIn *frame.Frame
}

// ServeHTTP implements http.Handler.
func (h *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch page := h.open.At(r.URL.Path); {
	case page != nil:
		page.ServeHTTP(w, r)
	case h.signedIn.Has(r.URL.Path):
		h.signedIn.ServeHTTP(w, r)
	default:
		h.api.ServeHTTP(w, r)
	}
}
