package app

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

var inviteTemplate = template.Must(template.New("invite").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw: join an organisation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
button,input{font:inherit;padding:.4rem 1rem}label{display:block;margin:0 0 .7rem}input{display:block;width:100%;box-sizing:border-box}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}}</style></head>
<body><h1>oneclaw</h1>
{{if .Done}}<p>{{.Done}}</p>
{{else}}{{if .Problem}}<p role="alert">That did not work: {{.Problem}}</p>{{end}}
<p>You are invited to join an organisation.</p>
<form method="post" action="/invite"><input type="hidden" name="token" value="{{.Token}}">
<label>The mail address that the invitation was sent to <input name="email" type="email" autocomplete="username" required></label>
<label>Your name <input name="display_name" autocomplete="name"></label>
<label>The password of your account or, if you have none here yet, a new one: at least 12 characters with upper and lower case, a digit and a symbol
<input name="password" type="password"></label>
<button>Join</button></form>
<p>If the address has an account already, it joins and keeps its password.</p>
{{end}}</body></html>
`))

type invitePage struct{ Token, Problem, Done string }

// invite is where the link of an invitation leads. Opening it changes nothing;
// the form calls the API, with its limits and its log. It works without
// JavaScript, and hands out no token: the person logs in.
func (a *App) invite() http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w, "form-action 'self'")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			showInvite(w, http.StatusOK, invitePage{Token: r.URL.Query().Get("token")})
		case http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			status, p := a.join(r)
			showInvite(w, status, p)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			showInvite(w, http.StatusMethodNotAllowed, invitePage{Problem: "this page is opened from the mail."})
		}
	})
	return http.NewCrossOriginProtection().Handler(page)
}

func showInvite(w http.ResponseWriter, status int, p invitePage) {
	w.WriteHeader(status)
	// A write fails when the client is gone.
	_ = inviteTemplate.Execute(w, p)
}

// join asks the API in process. It returns the status and what to show.
func (a *App) join(r *http.Request) (int, invitePage) {
	p := invitePage{Token: r.PostFormValue("token")}
	body, err := json.Marshal(map[string]string{
		"email": r.PostFormValue("email"), "password": r.PostFormValue("password"),
		"display_name": r.PostFormValue("display_name"), "invite_token": p.Token,
	})
	if err != nil || p.Token == "" { // without a token it would be a sign-up like any other
		p.Problem = "the invitation is not complete: open the link from the mail again."
		return http.StatusBadRequest, p
	}
	inner, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "/v1/auth/signup", bytes.NewReader(body))
	if err != nil {
		p.Problem = "something went wrong here."
		return http.StatusInternalServerError, p
	}
	proxies.Pass(inner, r)
	answer := &capture{header: http.Header{}}
	a.api.ServeHTTP(answer, inner)
	defer clear(answer.body.Bytes()) // a token that goes nowhere
	var said struct{ Detail, Message string }
	err = json.Unmarshal(answer.body.Bytes(), &said)
	switch {
	case err != nil:
		p.Problem = "something went wrong here."
	case answer.status != http.StatusOK:
		p.Problem = said.Detail
	default:
		return http.StatusOK, invitePage{Done: "You are a member now. Log in with the password of your account: oneclaw login."}
	}
	return answer.status, p
}
