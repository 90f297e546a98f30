package frame

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// loginCookie keeps a login in the browser.
const loginCookie = "oneclaw"

// maxAge is how long a browser keeps the cookie. The server ends the login sooner.
const maxAge = 12 * 60 * 60

// Enter finds who is signed in, for a page that takes no login.
func (v *Visit) Enter() error { return v.enter(true) }

// enter finds who is signed in. asked says whether that is a sign of life of the person.
func (v *Visit) enter(asked bool) error {
	cookie := v.Cookie(loginCookie)
	if cookie == "" {
		return identity.ErrUnauthenticated
	}
	login, token, err := v.frame.Logins.Browse(v.R.Context(), cookie, asked, v.Now())
	if err != nil {
		return err
	}
	defer token.Wipe()
	v.Login, v.cookie = login, cookie
	return v.as(string(token.Reveal()))
}

// LetIn gives the browser the cookie of a login that was proved, and leads to a page.
func (v *Visit) LetIn(token, to string) error {
	if old := v.Cookie(loginCookie); old != "" { // a login of before, or one that somebody planted
		v.cookie = old
		v.end()
	}
	cookie, err := v.frame.Logins.KeepLogin(v.R.Context(), token, v.Now())
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.keep(string(cookie.Reveal()))
	return v.Redirect(Local(to))
}

// SomebodyElse reports whether an error of Proved says that the proof was of another account.
func SomebodyElse(err error) bool { return errors.Is(err, identity.ErrOtherPerson) }

// Proved notes that the person of this login has just proved to be there, with the token of
// a login that was for this alone.
func (v *Visit) Proved(token string) error {
	cookie, err := v.frame.Logins.Confirm(v.R.Context(), v.cookie, token, v.Now())
	_ = v.API.UsingToken(token).Logout(context.WithoutCancel(v.R.Context()))
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.cookie = string(cookie.Reveal())
	v.keep(v.cookie)
	return nil
}

// Moved gives the browser the cookie of a login that goes on in another organisation.
func (v *Visit) Moved(token string) error {
	cookie, err := v.frame.Logins.Move(v.R.Context(), v.cookie, token, v.Now())
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.keep(string(cookie.Reveal()))
	return nil
}

// SignOut is the page that ends the login.
func SignOut(v *Visit) error {
	v.end()
	v.drop()
	return v.Back("/login", "You are signed out.")
}

// end ends the login of v.cookie with all its tokens, also when the browser is gone meanwhile.
func (v *Visit) end() {
	ctx := context.WithoutCancel(v.R.Context())
	if _, token, err := v.frame.Logins.Browse(ctx, v.cookie, false, v.Now()); err == nil {
		defer token.Wipe()
		_ = v.API.UsingToken(string(token.Reveal())).Logout(ctx) // one that has ended already is no harm
	}
	_ = v.frame.Logins.Forget(ctx, v.cookie) // a row that stays is of a login that has ended
}

// keep gives the browser its cookie.
func (v *Visit) keep(value string) { v.setLogin(value, maxAge) }

// drop takes the cookie from the browser.
func (v *Visit) drop() { v.setLogin("", -1) }

func (v *Visit) setLogin(value string, age int) {
	v.SetCookie(loginCookie, value, age, http.SameSiteLaxMode)
}

// GoOn answers a form that waited for the proof that this request brought.
func (v *Visit) GoOn(action string, fields url.Values) error {
	body := fields.Encode()
	r := v.R.Clone(v.R.Context())
	u, err := url.Parse(action)
	if err != nil {
		return v.Wrong("The form could not be read.")
	}
	r.URL, r.RequestURI, r.Form, r.PostForm = u, action, nil, nil
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Del("Cookie")
	login := v.frame.named.name(loginCookie)
	//nolint:gosec // G124: of a request, which has no attributes
	r.AddCookie(&http.Cookie{Name: login, Value: v.cookie})
	for _, c := range v.R.Cookies() {
		if c.Name != login {
			r.AddCookie(c)
		}
	}
	v.frame.serve.ServeHTTP(v.W, r)
	return nil
}

// Local returns the path when it leads to a page of this server, and the first page
// otherwise. The path comes from an address that anybody can make.
func Local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
