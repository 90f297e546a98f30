package app

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

var resetTemplate = template.Must(template.New("reset").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw: a new password</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
button,input{font:inherit;padding:.4rem 1rem}label{display:block;margin:1rem 0}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}}</style></head>
<body><h1>oneclaw</h1>
{{if .Done}}<p>Your password is set. Log in with it now: all earlier sessions have ended.</p>
{{else}}{{if .Problem}}<p role="alert">That did not work: {{.Problem}}</p>{{end}}
{{if .Token}}<form method="post" action="/reset-password"><input type="hidden" name="token" value="{{.Token}}">
<label>New password <input type="password" name="password" autocomplete="new-password" minlength="12" required autofocus></label>
<label>The same again <input type="password" name="again" autocomplete="new-password" minlength="12" required></label>
<button>Set the password</button></form>
<p>At least 12 characters with upper and lower case, a digit and a symbol.</p>
{{else}}<p>This page is opened from the mail.</p>{{end}}
{{end}}</body></html>
`))

type resetPage struct {
	Token, Problem string
	Done           bool
}

// resetPassword is where the link of a mail for a new password leads. Opening it
// changes nothing, since mail scanners open links; the form calls the API, with
// its limits and its log. It works without JavaScript.
func (a *App) resetPassword() http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w, "form-action 'self'")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			showReset(w, http.StatusOK, resetPage{Token: r.URL.Query().Get("token")})
		case http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			token := r.PostFormValue("token")
			status, problem := a.setPassword(r, token)
			showReset(w, status, resetPage{Token: token, Problem: problem, Done: problem == ""})
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			showReset(w, http.StatusMethodNotAllowed, resetPage{Problem: "this page is opened from the mail."})
		}
	})
	return http.NewCrossOriginProtection().Handler(page)
}

func showReset(w http.ResponseWriter, status int, p resetPage) {
	w.WriteHeader(status)
	// A write fails when the client is gone.
	_ = resetTemplate.Execute(w, p)
}

// setPassword asks the API in process. It returns the status and what went wrong.
func (a *App) setPassword(r *http.Request, token string) (int, string) {
	password := r.PostFormValue("password")
	if password != r.PostFormValue("again") {
		return http.StatusBadRequest, "the two passwords differ."
	}
	body, err := json.Marshal(map[string]string{"token": token, "new_password": password})
	if err != nil {
		return http.StatusBadRequest, "the form could not be read."
	}
	defer clear(body)
	inner, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "/v1/auth/reset-password", bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError, "something went wrong here."
	}
	proxies.Pass(inner, r)
	answer := &capture{header: http.Header{}}
	a.api.ServeHTTP(answer, inner)
	if answer.status == http.StatusNoContent {
		return http.StatusOK, ""
	}
	var p struct{ Detail string }
	if err := json.Unmarshal(answer.body.Bytes(), &p); err != nil || p.Detail == "" {
		p.Detail = "something went wrong here."
	}
	return answer.status, p.Detail
}
