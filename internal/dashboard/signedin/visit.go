package signedin

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

// visit is one request of a browser.
type visit struct {
	*Site
	w      http.ResponseWriter
	r      *http.Request
	api    *client.Client   // on behalf of who is signed in
	login  identity.Browser // zero on pages that take no login
	cookie string
	lang   string
}

// page answers a request. What it returns is shown as an error page, unless it is a
// refusal that signing in mends.
type page func(v *visit) error

// open serves a page that takes no login.
func (s *Site) open(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Site: s, w: w, r: r, lang: s.language(r)}
		if err := v.as(""); err != nil {
			v.fail(err)
			return
		}
		v.run(p)
	})
}

// signedIn serves a page to who is signed in, and sends others to sign in.
func (s *Site) signedIn(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Site: s, w: w, r: r, lang: s.language(r)}
		if err := v.enter(); err != nil {
			v.fail(err)
			return
		}
		v.run(p)
	})
}

// enter finds who is signed in.
func (v *visit) enter() error {
	c, err := v.r.Cookie(v.Site.cookie)
	if err != nil {
		return identity.ErrUnauthenticated
	}
	login, token, err := v.Logins.Browse(v.r.Context(), c.Value, v.r.URL.Path != tailPath, v.Now())
	if err != nil {
		return err
	}
	defer token.Wipe()
	v.login, v.cookie = login, c.Value
	return v.as(string(token.Reveal()))
}

// as makes the client of the API; an empty token is of nobody.
func (v *visit) as(token string) (err error) {
	opts := []client.Option{
		client.WithUserAgent(v.r.UserAgent()), client.WithPatience(0),
		client.WithHTTPClient(&http.Client{Transport: loopback.New(v.API, v.r, v.Log)}),
	}
	if token != "" {
		opts = append(opts, client.WithToken(token))
	}
	v.api, err = client.New("http://127.0.0.1", opts...)
	return err
}

// run answers with a page, and with what went wrong where it fails.
func (v *visit) run(p page) {
	if v.r.Method == http.MethodPost {
		if err := v.r.ParseForm(); err != nil {
			v.fail(&client.Error{Status: http.StatusBadRequest, Code: "invalid_form", Detail: v.t("The form could not be read.")})
			return
		}
	}
	if err := p(v); err != nil {
		v.fail(err)
	}
}

// fail answers with an error: who is not signed in gets the form for that, and so does
// who has to prove that it is still there.
func (v *visit) fail(err error) {
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
		v.Log.ErrorContext(v.r.Context(), "a page failed", slog.Any("error", err))
		refused = &client.Error{Status: http.StatusInternalServerError, Code: "internal", Detail: v.t("Something went wrong here.")}
	}
	switch {
	case refused.Status == http.StatusUnauthorized:
		v.drop()
		v.toLogin()
	case refused.Code == client.CodePersonRequired:
		v.confirm(nil)
	default:
		status := refused.Status
		if status < 400 {
			status = http.StatusBadGateway
		}
		if err := v.show(status, "error", v.t("That did not work"), refused); err != nil {
			v.Log.ErrorContext(v.r.Context(), "a page failed", slog.Any("error", err))
			http.Error(v.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	}
}

// toLogin sends the browser to sign in, and back here afterwards where that is a page.
func (v *visit) toLogin() {
	to := "/login"
	if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
		to += "?" + url.Values{"to": {v.r.URL.RequestURI()}}.Encode()
	}
	if v.part() {
		v.w.Header().Set("Hx-Redirect", to) // the form of a login is no part of a page
		v.w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// part reports whether a script asks for a part of a page. A whole one has scripts, which
// the browser's policy does not let become a part.
func (v *visit) part() bool { return v.r.Header.Get("Hx-Request") == "true" }

// back is where a form leads once it did what it is for. done is a text of the catalogue
// that the next page shows; it is no place for what somebody typed.
func (v *visit) back(to, done string) error {
	if done != "" {
		v.leave(done)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// leave has the next page show a text of the catalogue.
func (v *visit) leave(done string) {
	//nolint:gosec // G124: over plain http on this machine there is no Secure
	http.SetCookie(v.w, &http.Cookie{Name: noticeCookie, Value: url.QueryEscape(done), Path: "/", MaxAge: 30, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteStrictMode})
}

// noticeCookie carries the text that the next page shows once.
const noticeCookie = "oneclaw-notice"

// notice takes the text that the page before left. One that is not of the catalogue is
// dropped: somebody else may have set it.
func (v *visit) notice() string {
	c, err := v.r.Cookie(noticeCookie)
	if err != nil {
		return ""
	}
	//nolint:gosec // G124: over plain http on this machine there is no Secure
	http.SetCookie(v.w, &http.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteStrictMode})
	text, err := url.QueryUnescape(c.Value)
	if err != nil || !v.screens.words.has(text) {
		return ""
	}
	return v.t(text)
}

// person sends who has not just proved to be there to do so, and returns true then. What
// is made without that ends with the login, which nobody expects of a page.
func (v *visit) person() (away bool) {
	if v.login.Here(v.Now()) {
		return false
	}
	v.confirm(nil)
	return true
}

// t is a text in the visitor's language.
func (v *visit) t(text string, args ...any) string { return v.screens.words.in(v.lang, text, args...) }

// form is a field of the form, without the spaces around it.
func (v *visit) form(name string) string { return trimmed(v.r.PostFormValue(name)) }

// query is a part of the address, without the spaces around it.
func (v *visit) query(name string) string { return trimmed(v.r.URL.Query().Get(name)) }

// missing answers for what is no page, within the others' frame for who is signed in.
func missing(v *visit) error {
	_ = v.enter() // who is not signed in sees the same without it
	return &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.t("There is no such page.")}
}
