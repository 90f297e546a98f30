package app

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

var verifyTemplate = template.Must(template.New("verify").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw: confirm your address</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
button{font:inherit;padding:.4rem 1rem}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}}</style></head>
<body><h1>oneclaw</h1>
{{if .Done}}<p>Your address is confirmed. You can log in now.</p>
{{else if .Problem}}<p>That did not work: {{.Problem}}</p>
{{else}}<p>Confirm that this mail address is yours.</p>
<form method="post" action="/verify-email"><input type="hidden" name="token" value="{{.Token}}"><button>Confirm</button></form>
{{end}}</body></html>
`))

type verifyPage struct {
	Token, Problem string
	Done           bool
}

// maxForm bounds the form's body: a token is 43 characters.
const maxForm = 4 << 10

// verifyEmail is where the link of a confirmation mail leads. Opening it
// changes nothing, since mail scanners open links; the button calls the API,
// with its limits and its log. It works without JavaScript.
func (a *App) verifyEmail() http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w, "form-action 'self'")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			showVerify(w, http.StatusOK, verifyPage{Token: r.URL.Query().Get("token")})
		case http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			status, problem := a.confirm(r)
			showVerify(w, status, verifyPage{Problem: problem, Done: problem == ""})
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			showVerify(w, http.StatusMethodNotAllowed, verifyPage{Problem: "this page is opened from the mail."})
		}
	})
	return http.NewCrossOriginProtection().Handler(page)
}

func showVerify(w http.ResponseWriter, status int, p verifyPage) {
	w.WriteHeader(status)
	// A write fails when the client is gone.
	_ = verifyTemplate.Execute(w, p)
}

// confirm asks the API in process. It returns the status and what went wrong.
func (a *App) confirm(r *http.Request) (int, string) {
	body, err := json.Marshal(map[string]string{"token": r.PostFormValue("token")})
	if err != nil {
		return http.StatusBadRequest, "the form could not be read."
	}
	inner, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "/v1/auth/verify-email", bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError, "something went wrong here."
	}
	proxies.Pass(inner, r)
	answer := &capture{header: http.Header{}}
	a.api.ServeHTTP(answer, inner)
	if answer.status == http.StatusOK {
		return http.StatusOK, "" // the token in the answer goes nowhere: the person logs in
	}
	var p struct{ Detail string }
	if err := json.Unmarshal(answer.body.Bytes(), &p); err != nil || p.Detail == "" {
		p.Detail = "something went wrong here."
	}
	return answer.status, p.Detail
}

// capture is the answer to a request that never left the process.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *capture) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}
