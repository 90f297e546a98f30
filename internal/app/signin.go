package app

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// What pages say when the API does not.
const (
	pageFault  = "something went wrong here."
	formFault  = "the form could not be read."
	otherVerbs = "this page takes no such request."
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

// signInHTML are the fields of a question.
const signInHTML = `{{define "signin"}}{{with .Problem}}<p class="problem" role="alert">That did not work: {{.}}</p>{{end}}
{{if .MFAToken}}<input type="hidden" name="mfa_token" value="{{.MFAToken}}">
<p><label>Code of your second factor, or a recovery code<br><input name="mfa_code" autocomplete="one-time-code" required maxlength="64"></label></p>
{{else}}<p><label>Your mail address<br><input type="email" name="email" value="{{.Email}}" autocomplete="username" required maxlength="254"></label></p>
<p><label>Your password<br><input type="password" name="password" autocomplete="current-password" required maxlength="1024"></label></p>
{{end}}{{end}}`

// pageHTML begins and ends a page.
const pageHTML = `{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw: {{.}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
input:not([type=checkbox]){font:inherit;padding:.4rem;width:100%;box-sizing:border-box;border:1px solid #777;border-radius:.3rem}
button{font:inherit;padding:.5rem 1.2rem;margin-right:.6rem;border:1px solid #777;border-radius:.3rem;cursor:pointer}
button.yes{background:#1a5fb4;border-color:#1a5fb4;color:#fff}dt{font-weight:600}dd{margin:0 0 .6rem;overflow-wrap:anywhere}
.code{font:600 1.5rem/1.4 ui-monospace,monospace;letter-spacing:.1em}.problem{border-left:4px solid #c01c28;padding-left:.7rem}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}input,button{background:#26262c;color:inherit}}</style></head>
<body><h1>oneclaw</h1>{{end}}{{define "foot"}}</body></html>
{{end}}`

// page parses a page that may use the parts above.
func page(name, text string) *template.Template {
	return template.Must(template.Must(template.New(name).Parse(pageHTML + signInHTML)).Parse(text))
}

// inner asks the API in process on behalf of who opened a page: with the API's
// limits and its log.
type inner struct {
	api http.Handler
	out *http.Request // the browser's
}

// ask returns the status and the body of the API's answer, and what went wrong in
// words for people.
func (i inner) ask(method, path, token string, body any) (status int, reply []byte, problem string) {
	text, err := json.Marshal(body)
	if err != nil {
		return http.StatusBadRequest, nil, formFault
	}
	defer clear(text) // it may hold a password
	//nolint:gosec // G704: the request never leaves the process, and its path is a constant's
	r, err := http.NewRequestWithContext(i.out.Context(), method, path, bytes.NewReader(text))
	if err != nil {
		return http.StatusBadRequest, nil, formFault
	}
	if body == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	proxies.Pass(r, i.out)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := &capture{header: http.Header{}}
	i.api.ServeHTTP(answer, r)
	if answer.status >= 200 && answer.status < 300 {
		return answer.status, answer.body.Bytes(), ""
	}
	var p struct{ Detail string }
	if err := json.Unmarshal(answer.body.Bytes(), &p); err != nil || p.Detail == "" {
		p.Detail = pageFault
	}
	return answer.status, nil, p.Detail
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

// signOut ends the login that a page made for one request.
func (i inner) signOut(token string) { i.ask(http.MethodDelete, "/v1/auth/token", token, nil) }

// asPage serves a page with a form: GET shows it, POST answers it, and no other
// site can make a browser do that.
func asPage(show, answer http.HandlerFunc, refuse func(w http.ResponseWriter, status int, problem string)) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w, "form-action 'self'")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			show(w, r)
		case http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if err := r.ParseForm(); err != nil {
				refuse(w, http.StatusBadRequest, formFault)
				return
			}
			answer(w, r)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			refuse(w, http.StatusMethodNotAllowed, otherVerbs)
		}
	}))
}

// render shows a page. A write fails when the client is gone.
func render(w http.ResponseWriter, t *template.Template, status int, data any) {
	w.WriteHeader(status)
	_ = t.Execute(w, data)
}
