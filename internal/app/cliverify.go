package app

import (
	"context"
	"net/http"
	"net/url"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

var cliTemplate = page("cli", `{{template "head" "let a device in"}}
{{if .Done}}<p>{{.Done}}</p><p>You can close this page.</p>
{{else if .Device}}<p>A program asks to be logged in as you.</p>
<dl><dt>Code</dt><dd class="code">{{.Code}}</dd><dt>Program, as it says</dt><dd>{{.Device.ClientID}}</dd>
<dt>Asked from</dt><dd>{{or .Device.Address "an unknown address"}}</dd>
<dt>Asked at</dt><dd>{{.Device.CreatedAt.Format "2006-01-02 15:04:05"}} UTC</dd></dl>
<p><strong>Approve only what you have just started yourself, on a device that shows this code.</strong>
For a day the program can do all that you can. Nobody from support ever asks you to approve a code.</p>
<form method="post" action="/cli/verify"><input type="hidden" name="code" value="{{.Code}}">
{{template "signin" .Question}}
{{with .Decision}}<input type="hidden" name="decision" value="{{.}}"><p><button class="yes">{{if eq . "deny"}}Deny{{else}}Approve{{end}}</button></p>
{{else}}<p><button class="yes" name="decision" value="approve">Sign in and approve</button><button name="decision" value="deny">Sign in and deny</button></p>{{end}}
</form>
{{else}}{{with .Problem}}<p class="problem" role="alert">That did not work: {{.}}</p>{{end}}
<p>Type the code that the device shows.</p>
<form method="get" action="/cli/verify"><p><label>Code<br><input name="code" autocomplete="off" autocapitalize="characters" required maxlength="32"></label></p>
<p><button class="yes">Continue</button></p></form>
{{end}}{{template "foot"}}`)

type cliPage struct {
	Code, Decision, Problem, Done string
	Device                        *identity.Device
	Question                      question
}

// cliVerify is where a human lets a device in: the page that the device's login
// names. It works without JavaScript, and what it does it asks the API for.
type cliVerify struct {
	api   http.Handler
	shown func(ctx context.Context, code string) (identity.Device, error)
}

func (p *cliVerify) handler() http.Handler { return asPage(p.show, p.answer, p.refuse) }

func (p *cliVerify) refuse(w http.ResponseWriter, status int, problem string) {
	render(w, cliTemplate, status, cliPage{Problem: problem})
}

// show is the page of one code, or the one that asks for it. The API counts the
// guesses; what it does not tell strangers, the code's holder sees here.
func (p *cliVerify) show(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if code == "" {
		render(w, cliTemplate, http.StatusOK, cliPage{})
		return
	}
	status, _, problem := inner{p.api, r}.ask(http.MethodGet, "/v1/auth/device/code/"+url.PathEscape(code), "", nil)
	if problem != "" {
		p.refuse(w, status, problem)
		return
	}
	p.waiting(w, r, http.StatusOK, cliPage{Code: identity.ShownUserCode(code)})
}

// waiting shows the code that waits, or that it waits no more.
func (p *cliVerify) waiting(w http.ResponseWriter, r *http.Request, status int, page cliPage) {
	d, err := p.shown(r.Context(), page.Code)
	switch {
	case err != nil:
		p.refuse(w, http.StatusNotFound, "there is no such code. Compare it with what the device shows.")
	case d.Status == identity.DeviceExpired:
		p.refuse(w, http.StatusBadRequest, "the code has expired. Start the login on the device again.")
	case d.Status != identity.DevicePending:
		p.refuse(w, http.StatusBadRequest, "this code was approved or denied already.")
	default:
		page.Device = &d
		render(w, cliTemplate, status, page)
	}
}

func (p *cliVerify) answer(w http.ResponseWriter, r *http.Request) {
	page := cliPage{Code: identity.ShownUserCode(r.PostFormValue("code")), Decision: r.PostFormValue("decision")}
	done := map[string]string{"approve": "The device is logged in as soon as it asks again.", "deny": "The device was refused."}
	if page.Code == "" || done[page.Decision] == "" {
		p.refuse(w, http.StatusBadRequest, formFault)
		return
	}
	api := inner{p.api, r}
	token, next, status := api.signIn(r)
	if token == "" {
		if status == http.StatusTooManyRequests { // not a way to look at codes
			p.refuse(w, status, next.Problem)
			return
		}
		if page.Question = next; next.MFAToken == "" {
			page.Decision = ""
		}
		p.waiting(w, r, status, page)
		return
	}
	defer api.signOut(token)
	status, _, problem := api.ask(http.MethodPost, "/v1/auth/device/"+page.Decision, token, map[string]string{"user_code": page.Code})
	if problem != "" {
		p.refuse(w, status, problem)
		return
	}
	render(w, cliTemplate, http.StatusOK, cliPage{Done: done[page.Decision]})
}
