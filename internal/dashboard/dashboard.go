// Package dashboard is the HTML pages of the server.
//
// Its promise: a page works without JavaScript, loads nothing, and no other site
// can frame it or submit its form. What a page does it asks the API for, in this
// process and on behalf of who opened it: with the API's limits, decisions and
// audit events. A page shows no password and no login, and a secret only when its button
// was pressed for that; its text is escaped.
package dashboard

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

//go:embed templates/*.html
var files embed.FS

// Config is what the pages are made of.
type Config struct {
	API http.Handler
	Log *slog.Logger
	// State is what the status page shows.
	State func(ctx context.Context) State
	// Device finds a login of a device by the code that the device shows.
	Device func(ctx context.Context, code string) (account.Device, error)
	// Enrollment finds what a mailed link asks for by the link's token.
	Enrollment func(ctx context.Context, token string) (agent.Enrollment, error)
	// Wanted finds a secret that an agent asked for by the id in the link.
	Wanted func(ctx context.Context, id string) (wanted.Request, error)
	Now    func() time.Time
	// Dev adds the page of mails. A nil Outbox is of a server that really sends them.
	Dev       bool
	Outbox    *mail.Outbox
	PublicURL string
}

// Pages are the pages of one server.
type Pages struct {
	at    map[string]http.Handler
	share http.Handler
	wants http.Handler
	mails *devMail // nil but in dev
}

// New returns the pages. It panics when a template of this package can't be read.
func New(c Config) *Pages {
	s := &site{templates: template.Must(template.ParseFS(files, "templates/*.html")), api: c.API, log: c.Log}
	p := &Pages{share: (&sharePage{s}).handler(), wants: (&wantedPage{s, c.Wanted, c.Now}).handler(), at: map[string]http.Handler{
		"/status":         &statusPage{s, c.State},
		"/verify-email":   (&verifyPage{s}).handler(),
		"/invite":         (&invitePage{s}).handler(),
		"/reset-password": (&resetPage{s}).handler(),
		"/cli/verify":     (&devicePage{s, c.Device}).handler(),
		"/agents/enroll":  (&enrollPage{s, c.Enrollment}).handler(),
	}}
	if c.Dev {
		p.mails = newDevMail(s, c.Outbox, c.PublicURL)
	}
	return p
}

// At returns the page of a path, and nil when the path is no page's.
func (p *Pages) At(path string) http.Handler {
	if id, ok := strings.CutPrefix(path, sharePath); ok && ids.Exact(id) {
		return p.share
	}
	if id, ok := strings.CutPrefix(path, wantedPath); ok && ids.Exact(id) {
		return p.wants
	}
	if p.mails != nil && (path == devMailPath || strings.HasPrefix(path, devMailPath+"/")) {
		return p.mails
	}
	return p.at[path]
}

// MailsURL is where the page of mails opens, with its key. It is empty but in dev.
func (p *Pages) MailsURL() string {
	if p.mails == nil {
		return ""
	}
	return p.mails.address()
}

// site is what all pages have in common.
type site struct {
	templates *template.Template
	api       http.Handler
	log       *slog.Logger
}

// show writes a page from its template. A write fails when the client is gone.
func (s *site) show(w http.ResponseWriter, name string, status int, data any) {
	w.WriteHeader(status)
	_ = s.templates.ExecuteTemplate(w, name, data)
}

// headers are those of every page: nothing is loaded, nothing may frame the page,
// and no address with a token in it is passed on.
func headers(w http.ResponseWriter, formAction string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "+formAction)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// maxForm bounds the body of a form: a token is 43 characters.
const maxForm = 4 << 10

// form serves a page with a form: GET shows it, POST answers it, and no other site
// can make a browser do that. other is the answer to another verb.
func form(show, answer, other http.HandlerFunc) http.Handler {
	return formWithin(maxForm, show, answer, other)
}

// formWithin is form with a bound of its own.
func formWithin(most int64, show, answer, other http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers(w, "form-action 'self'")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			show(w, r)
		case http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, most)
			answer(w, r)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			other(w, r)
		}
	}))
}
