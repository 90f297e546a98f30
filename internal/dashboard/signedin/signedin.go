// Package signedin is the pages of a person who is signed in: the dashboard.
//
// Its promise: every page works without JavaScript and holds no secret's value but in
// the one answer to a request for it. What a page shows and does it asks the API for, in
// this process and on behalf of who is signed in, with the API's limits, decisions and
// audit events. A browser has a cookie and no token; the cookie is kept as a hash.
// Nothing is loaded from elsewhere, no other site can frame a page or submit its form.
package signedin

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// Config is what the pages are made of.
type Config struct {
	API http.Handler
	// Logins are the logins that browsers keep.
	Logins  *identity.Service
	Log     *slog.Logger
	Now     func() time.Time
	Version string
	// PublicURL is where people open the pages; with https cookies are for https alone.
	PublicURL string
	// ShroudURL is the address of the proxy for models, for the texts that configure agents.
	ShroudURL string
	// Providers are the identity providers that people may log in with.
	Providers []Provider
	Dev       bool
}

// Site serves the pages.
type Site struct {
	Config
	cookie  string
	secure  bool
	screens screens
	files   files
	serve   http.Handler
}

// New returns the pages. It panics when a file of this package can't be read.
func New(c Config) *Site {
	s := &Site{Config: c, files: loadFiles()}
	s.cookie, s.secure = cookieName(c.PublicURL)
	s.screens = loadScreens(s.files)
	mux := http.NewServeMux()
	for pattern, page := range s.pages() {
		mux.Handle(pattern, s.signedIn(page))
	}
	for pattern, page := range s.openPages() {
		mux.Handle(pattern, s.open(page))
	}
	mux.Handle("GET /static/{name}", s.files)
	mux.Handle("/", s.open(missing))
	s.serve = http.NewCrossOriginProtection().Handler(mux)
	return s
}

// cookieName is the name of the cookie. One for https alone has a prefix that no other
// host can set; cookies do not tell ports apart, so that on plain http the name does.
func cookieName(public string) (name string, secure bool) {
	u, err := url.Parse(public)
	switch {
	case err == nil && u.Scheme == "https":
		return "__Host-oneclaw", true
	case err == nil && u.Port() != "":
		return "oneclaw-" + u.Port(), false
	}
	return "oneclaw", false
}

// roots are the first segments of the pages' paths.
var roots = map[string]bool{
	"": true, "login": true, "logout": true, "confirm": true, "static": true, "language": true,
	"vaults": true, "agents": true, "inbox": true, "shares": true, "transactions": true,
	"shroud": true, "audit": true, "organisation": true, "usage": true, "settings": true, "search": true, "admin": true, "dev": true,
}

// Has reports whether a path is a page's.
func (s *Site) Has(path string) bool {
	root, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return roots[root]
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	s.serve.ServeHTTP(w, r)
}

// maxForm bounds a form, whose largest field is a value that takes three times its length
// where all of it is escaped.
const maxForm = 4 << 20

// headers are those of every page.
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types default")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Cache-Control", "no-store")
}
