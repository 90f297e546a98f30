package entry

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

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
func (d Door) signInPage(v *frame.Visit) error {
	if v.Enter() == nil { // signed in already
		if _, err := v.API.Me(v.R.Context()); err == nil {
			return v.Redirect(frame.Local(v.Query("to")))
		}
	}
	return v.Show(http.StatusOK, "login", v.T("Sign in"), question{To: v.Query("to"), Others: d.others(v.Query("to"), false)})
}

// signIn answers the form of a login.
func (d Door) signIn(v *frame.Visit) error {
	q := question{Email: v.Form("email"), To: v.Form("to")}
	token, status := prove(v, &q)
	if token == "" {
		q.Others = d.others(q.To, false)
		return v.Show(status, "login", v.T("Sign in"), q)
	}
	return v.LetIn(token, q.To)
}

// askPasskey asks whoever is there for a passkey, for a login or a proof.
func askPasskey(v *frame.Visit) error {
	return v.AskPasskey(func() (*client.PasskeyAsked, error) { return v.API.BeginPasskeyLogin(v.R.Context()) })
}

// prove asks the API who it is. It returns a token, or changes the question to the one
// to ask next and returns the status to show it with.
func prove(v *frame.Visit, q *question) (token string, status int) {
	ctx := v.R.Context()
	var got *client.Token
	var err error
	if asked, answer, ok := v.PasskeyAnswer(); ok {
		got, err = v.API.PasskeyLogin(ctx, asked, answer)
	} else if challenge := v.R.PostFormValue("mfa_token"); challenge != "" {
		q.MFAToken = challenge
		got, err = v.API.VerifyMFA(ctx, client.ValueOf(challenge), strings.TrimSpace(v.R.PostFormValue("mfa_code")))
	} else {
		var l *client.Login
		if l, err = v.API.Login(ctx, q.Email, client.ValueOf(v.R.PostFormValue("password"))); err == nil {
			if l.MFARequired {
				q.MFAToken = string(l.MFAToken.Reveal())
				return "", http.StatusOK
			}
			got = &l.Token
		}
	}
	if err != nil {
		status, q.Problem = v.Describe(err)
		if status == http.StatusUnauthorized && q.MFAToken != "" && strings.Contains(frame.CodeOf(err), "challenge") {
			q.MFAToken = "" // it can't be answered any more: from the start
		}
		return "", status
	}
	return string(got.AccessToken.Reveal()), http.StatusOK
}
