package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
)

// question is one form that asks who the human is: mail address and password
// and, in a second step, the code of the second factor. Between the steps the
// page holds what was filled in and the short token of the challenge; never a
// password or a login.
type question struct {
	Email    string
	MFAToken string // set in the second step
	Problem  string
}

// signIn reads the form's answer. It returns a token, or the question to ask next
// with the status to show it with.
func (i inner) signIn(form *http.Request) (token string, next question, status int) {
	next.Email = form.PostFormValue("email")
	path, body := "/v1/auth/token", map[string]string{"email": next.Email, "password": form.PostFormValue("password")}
	if challenge := form.PostFormValue("mfa_token"); challenge != "" {
		path, body = "/v1/auth/mfa/verify", map[string]string{
			"mfa_token": challenge, "code": strings.TrimSpace(form.PostFormValue("mfa_code")),
		}
		next.MFAToken = challenge
	}
	status, reply, problem := i.ask(http.MethodPost, path, "", body)
	if problem != "" {
		next.Problem = problem
		return "", next, status
	}
	defer clear(reply)
	var t struct {
		AccessToken string `json:"access_token"`
		MFARequired bool   `json:"mfa_required"`
		MFAToken    string `json:"mfa_token"`
	}
	if err := json.Unmarshal(reply, &t); err != nil {
		next.Problem = pageFault
		return "", next, http.StatusInternalServerError
	}
	if t.MFARequired {
		next.MFAToken = t.MFAToken
		return "", next, http.StatusOK
	}
	return t.AccessToken, next, http.StatusOK
}

// signed serves a page whose form asks for a login.
func signed(show, answer http.HandlerFunc, refuse func(w http.ResponseWriter, status int, problem string)) http.Handler {
	return signedWithin(maxForm, show, answer, refuse)
}

// signedWithin is signed with a bound of its own for the form.
func signedWithin(most int64, show, answer http.HandlerFunc, refuse func(w http.ResponseWriter, status int, problem string)) http.Handler {
	return formWithin(most, show, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			refuse(w, http.StatusBadRequest, formFault)
			return
		}
		answer(w, r)
	}, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusMethodNotAllowed, otherVerbs)
	})
}
