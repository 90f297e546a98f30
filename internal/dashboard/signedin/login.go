package signedin

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// maxAge is how long a browser keeps the cookie. The server ends the login sooner.
const maxAge = 12 * 60 * 60

// question is a form that asks who somebody is: a mail address and a password, and in a
// second step the code of the second factor.
type question struct {
	Email, Problem, To string
	MFAToken           string
	Fields             url.Values // of the form that waits for the answer
	Action             string     // where that goes
	Others             []other    // ways beside the password
}

// signInPage shows the form of a login.
func signInPage(v *visit) error {
	if v.enter() == nil { // signed in already
		if _, err := v.api.Me(v.r.Context()); err == nil {
			http.Redirect(v.w, v.r, local(v.query("to")), http.StatusSeeOther)
			return nil
		}
	}
	return v.show(http.StatusOK, "login", v.t("Sign in"), question{To: v.query("to"), Others: v.others(v.query("to"), false)})
}

// signIn answers the form of a login.
func signIn(v *visit) error {
	q := question{Email: v.form("email"), To: v.form("to")}
	token, status := v.prove(&q)
	if token == "" {
		q.Others = v.others(q.To, false)
		return v.show(status, "login", v.t("Sign in"), q)
	}
	return v.letIn(token, q.To)
}

// letIn gives the browser the cookie of a login that was proved.
func (v *visit) letIn(token, to string) error {
	if old, err := v.r.Cookie(v.Site.cookie); err == nil { // a login of before, or one that somebody planted
		v.cookie = old.Value
		v.end()
	}
	cookie, err := v.Logins.KeepLogin(v.r.Context(), token, v.Now())
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.keep(string(cookie.Reveal()))
	http.Redirect(v.w, v.r, local(to), http.StatusSeeOther)
	return nil
}

// prove asks the API who it is. It returns a token, or changes the question to the one
// to ask next and returns the status to show it with.
func (v *visit) prove(q *question) (token string, status int) {
	ctx := v.r.Context()
	var got *client.Token
	var err error
	if challenge := v.r.PostFormValue("mfa_token"); challenge != "" {
		q.MFAToken = challenge
		got, err = v.api.VerifyMFA(ctx, client.ValueOf(challenge), strings.TrimSpace(v.r.PostFormValue("mfa_code")))
	} else {
		var l *client.Login
		if l, err = v.api.Login(ctx, q.Email, client.ValueOf(v.r.PostFormValue("password"))); err == nil {
			if l.MFARequired {
				q.MFAToken = string(l.MFAToken.Reveal())
				return "", http.StatusOK
			}
			got = &l.Token
		}
	}
	if err != nil {
		status, q.Problem = describe(v, err)
		if status == http.StatusUnauthorized && q.MFAToken != "" && strings.Contains(codeOf(err), "challenge") {
			q.MFAToken = "" // it can't be answered any more: from the start
		}
		return "", status
	}
	return string(got.AccessToken.Reveal()), http.StatusOK
}

// signOut ends the login.
func signOut(v *visit) error {
	v.end()
	v.drop()
	return v.back("/login", "You are signed out.")
}

// end ends the login of v.cookie with all its tokens, also when the browser is gone meanwhile.
func (v *visit) end() {
	ctx := context.WithoutCancel(v.r.Context())
	if _, token, err := v.Logins.Browse(ctx, v.cookie, false, v.Now()); err == nil {
		defer token.Wipe()
		_ = v.api.UsingToken(string(token.Reveal())).Logout(ctx) // one that has ended already is no harm
	}
	_ = v.Logins.Forget(ctx, v.cookie) // a row that stays is of a login that has ended
}

// keep gives the browser its cookie.
func (v *visit) keep(value string) { v.setCookie(value, maxAge) }

// drop takes the cookie from the browser.
func (v *visit) drop() { v.setCookie("", -1) }

func (v *visit) setCookie(value string, age int) {
	//nolint:gosec // G124: over plain http on this machine there is no Secure
	http.SetCookie(v.w, &http.Cookie{
		Name: v.Site.cookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode,
	})
}

// local is a path of ours, or the first page for what is none: it comes from an address
// that anybody can make.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
