// Package frame is what all pages of a person who is signed in stand in.
//
// Its promise: every page works without JavaScript and holds no secret's value but in
// the one answer to a request for it. What a page shows and does it asks the API for, in
// this process and on behalf of who is signed in, with the API's limits, decisions and
// audit events. A browser has a cookie and no token; the cookie is kept as a hash.
// Nothing is loaded from elsewhere, no other site can frame a page or submit its form.
//
// A package of pages hands over a Set: its pages by address, and their templates. A page
// is a function of a Visit, which is one request. So a new page is three things in one package
// below pages: a function, a row that gives it an address, and templates/NAME.html, which
// v.Show(status, NAME, title, data) shows. Its texts are English in the code and the template,
// and words has them in the other languages. A new package is a line in signedin besides.
package frame

import (
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// Config is what a frame is made of.
type Config struct {
	Server http.Handler // the API
	// Logins are the logins that browsers keep.
	Logins  *identity.Service
	Log     *slog.Logger
	Now     func() time.Time
	Version string
	// PublicURL is where people open the pages; with https cookies are for https alone.
	PublicURL string
	// ShroudURL is the address of the proxy for models, for the texts that configure agents.
	ShroudURL string
	Dev       bool
	// Unowned reports whether the server has no users: then there is nobody to sign in, and
	// /setup makes the first.
	Unowned func(context.Context) bool
	// Confirm asks who is signed in to prove to be there still, and then goes on with what
	// the request asks for.
	Confirm Page
}

// Page answers a request. What it returns is shown as an error page, unless it is a
// refusal that signing in mends.
type Page func(v *Visit) error

// Set is the pages of a package, by the patterns of their addresses.
type Set struct {
	// Templates are the files of templates/: one a page, named as the page is, which defines
	// "content"; what a file that begins with _ defines, every page can use.
	Templates fs.FS
	Pages     map[string]Page // of who is signed in
	Open      map[string]Page // of anybody
	Unasked   map[string]Page // of who is signed in, asked for by a script: no sign of life of the person
}

// Frame serves pages.
type Frame struct {
	Config
	named   naming // of cookies
	screens screens
	files   files
	roots   map[string]bool // the first segments of the pages' paths
	serve   http.Handler
}

// New returns a frame around pages. It panics when a file of theirs can't be read, or two
// pages have a name or an address.
func New(c Config, sets ...Set) *Frame {
	f := &Frame{Config: c, files: loadFiles(), roots: map[string]bool{}}
	f.named = namingFor(c.PublicURL)
	sets = append([]Set{own()}, sets...)
	f.screens = loadScreens(f.files, sets)
	mux := http.NewServeMux()
	add := func(pattern string, h http.Handler) {
		_, path, _ := strings.Cut(pattern, "/")
		root, _, _ := strings.Cut(strings.TrimSuffix(path, "{$}"), "/")
		f.roots[root] = true
		mux.Handle(pattern, h)
	}
	for _, s := range sets {
		for pattern, page := range s.Pages {
			add(pattern, f.signedIn(page, true))
		}
		for pattern, page := range s.Unasked {
			add(pattern, f.signedIn(page, false))
		}
		for pattern, page := range s.Open {
			add(pattern, f.open(page))
		}
	}
	add("GET /static/{name}", f.files)
	// Browsers ask for it beside answers that are no page and name no icon.
	add("GET /favicon.ico", http.RedirectHandler(f.files.address("icon.svg"), http.StatusFound))
	mux.Handle("/", f.open(Missing))
	f.serve = http.NewCrossOriginProtection().Handler(mux)
	return f
}

// own are the pages of the frame itself.
func own() Set {
	return Set{
		Templates: templates,
		Pages:     map[string]Page{"POST /logout": SignOut, "GET /dev/components": components},
		Open:      map[string]Page{"POST /language": chooseLanguage},
	}
}

// Pages joins the pages of several files of a package.
func Pages(parts ...map[string]Page) map[string]Page {
	all := map[string]Page{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// Has reports whether a path is a page's.
func (f *Frame) Has(path string) bool {
	root, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return f.roots[root]
}

// ServeHTTP implements http.Handler.
func (f *Frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f.serve.ServeHTTP(w, r)
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
