package frame

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

// Visit is one request of a browser. A page asks the API as who is signed in, and reaches what
// keeps the logins only through the methods here.
type Visit struct {
	frame  *Frame
	W      http.ResponseWriter
	R      *http.Request
	API    *client.Client   // on behalf of who is signed in
	Login  identity.Browser // zero on pages that take no login
	cookie string
	lang   string
}

// open serves a page that takes no login.
func (f *Frame) open(p Page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{frame: f, W: w, R: r, lang: f.language(r)}
		if err := v.as(""); err != nil {
			v.fail(err)
			return
		}
		v.run(p)
	})
}

// signedIn serves a page to who is signed in, and sends others to sign in. asked says
// whether the person asks for it, and not a script.
func (f *Frame) signedIn(p Page, asked bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{frame: f, W: w, R: r, lang: f.language(r)}
		if err := v.enter(asked); err != nil {
			v.fail(err)
			return
		}
		v.run(p)
	})
}

// as makes the client of the API; an empty token is of nobody.
func (v *Visit) as(token string) (err error) {
	opts := []client.Option{
		client.WithUserAgent(v.R.UserAgent()), client.WithPatience(0),
		client.WithHTTPClient(&http.Client{Transport: loopback.New(v.frame.Server, v.R, v.frame.Log)}),
	}
	if token != "" {
		opts = append(opts, client.WithToken(token))
	}
	v.API, err = client.New("http://127.0.0.1", opts...)
	return err
}

// run answers with a page, and with what went wrong where it fails.
func (v *Visit) run(p Page) {
	if v.R.Method == http.MethodPost {
		if err := v.R.ParseForm(); err != nil {
			v.fail(v.Wrong("The form could not be read."))
			return
		}
	}
	if err := p(v); err != nil {
		v.fail(err)
	}
}

// fail answers with an error: who is not signed in gets the form for that, and so does
// who has to prove that it is still there.
func (v *Visit) fail(err error) {
	var refused *client.Error
	var f *fault.Error
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &f):
		refused = &client.Error{Status: http.StatusInternalServerError, Code: f.Code, Detail: f.Detail, RetryAfter: f.RetryAfter}
		// It is of what keeps the logins: all else is the API's, which has a status.
		if f.Kind == fault.Unavailable {
			refused.Status = http.StatusServiceUnavailable
		}
		if f.Kind == fault.Unauthenticated {
			refused.Status = http.StatusUnauthorized
		}
	default:
		v.frame.Log.ErrorContext(v.R.Context(), "a page failed", slog.Any("error", err))
		refused = &client.Error{Status: http.StatusInternalServerError, Code: "internal", Detail: v.T("Something went wrong here.")}
	}
	switch {
	case refused.Status == http.StatusUnauthorized:
		v.drop()
		v.toLogin()
	case refused.Code == client.CodePersonRequired:
		_ = v.frame.Confirm(v) // it writes the answer itself
	default:
		status := refused.Status
		if status < 400 {
			status = http.StatusBadGateway
		}
		if err := v.Show(status, "error", v.T("That did not work"), refused); err != nil {
			v.frame.Log.ErrorContext(v.R.Context(), "a page failed", slog.Any("error", err))
			http.Error(v.W, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	}
}

// toLogin sends the browser to sign in, and back here afterwards where that is a page.
func (v *Visit) toLogin() {
	to := "/login"
	if v.frame.Unowned != nil && v.frame.Unowned(v.R.Context()) {
		to = "/setup"
	} else if v.R.Method == http.MethodGet && v.R.URL.Path != "/" {
		to += "?" + url.Values{"to": {v.R.URL.RequestURI()}}.Encode()
	}
	if v.Part() {
		v.W.Header().Set("Hx-Redirect", to) // the form of a login is no part of a page
		v.W.WriteHeader(http.StatusNoContent)
		return
	}
	_ = v.Redirect(to)
}

// Part reports whether a script asks for a part of a page. A whole one has scripts, which
// the browser's policy does not let become a part.
func (v *Visit) Part() bool { return v.R.Header.Get("Hx-Request") == "true" }

// Redirect leads elsewhere.
func (v *Visit) Redirect(to string) error {
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
	return nil
}

// Back is where a form leads once it did what it is for. done is a text of the catalogue
// that the next page shows; it is no place for what somebody typed.
func (v *Visit) Back(to, done string) error {
	if done != "" {
		v.Leave(done)
	}
	return v.Redirect(to)
}

// Leave has the next page show a text of the catalogue.
func (v *Visit) Leave(done string) {
	v.SetCookie(noticeCookie, url.QueryEscape(done), 30, http.SameSiteStrictMode)
}

// noticeCookie carries the text that the next page shows once.
const noticeCookie = "oneclaw-notice"

// notice takes the text that the page before left. One that is not of the catalogue is
// dropped: somebody else may have set it.
func (v *Visit) notice() string {
	left := v.Cookie(noticeCookie)
	if left == "" {
		return ""
	}
	v.SetCookie(noticeCookie, "", -1, http.SameSiteStrictMode)
	text, err := url.QueryUnescape(left)
	if err != nil || !v.frame.screens.words.has(text) {
		return ""
	}
	return v.T(text)
}

// Person sends who has not just proved to be there to do so, and returns true then. What
// is made without that ends with the login, which nobody expects of a page.
func (v *Visit) Person() (away bool) {
	if v.Login.Here(v.Now()) {
		return false
	}
	_ = v.frame.Confirm(v) // it writes the answer itself
	return true
}

// Now is the time by the server's clock.
func (v *Visit) Now() time.Time { return v.frame.Now() }

// PublicURL is where people open the pages.
func (v *Visit) PublicURL() string { return v.frame.PublicURL }

// ShroudURL is the address of the proxy for models; empty where there is none.
func (v *Visit) ShroudURL() string { return v.frame.ShroudURL }

// T is a text in the visitor's language.
func (v *Visit) T(text string, args ...any) string {
	return v.frame.screens.words.in(v.lang, text, args...)
}

// Missing answers for what is no page, within the others' frame for who is signed in.
func Missing(v *Visit) error {
	_ = v.Enter() // who is not signed in sees the same without it
	return &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.T("There is no such page.")}
}
