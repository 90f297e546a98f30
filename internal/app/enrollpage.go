package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

var enrollTemplate = page("enroll", `{{template "head" "take an agent in"}}
{{if .Done}}<p>{{.Done}}</p>
{{else if .Enrollment}}<p>Somebody asks that an agent becomes one of yours. What they say of it, nobody has checked:</p>
<dl><dt>Name</dt><dd>{{.Enrollment.Name}}</dd>{{with .Enrollment.Description}}<dt>Description</dt><dd>{{.}}</dd>{{end}}
<dt>Asked from</dt><dd>{{or .Enrollment.Address "an unknown address"}}</dd>
<dt>Asked at</dt><dd>{{.Enrollment.CreatedAt.Format "2006-01-02 15:04:05"}} UTC</dd>
<dt>Its key begins with</dt><dd><code>{{.Enrollment.KeyPrefix}}</code></dd></dl>
<form method="post" action="/agents/enroll"><input type="hidden" name="token" value="{{.Token}}">
{{if .Decision}}<input type="hidden" name="vault" value="{{.Vault}}"><input type="hidden" name="pattern" value="{{.Pattern}}">
{{if .Write}}<input type="hidden" name="write" value="yes">{{end}}<input type="hidden" name="decision" value="{{.Decision}}">
{{else}}<p><label>Vault that it may use, by name or id (leave this empty to give it nothing yet)<br><input name="vault" value="{{.Vault}}" maxlength="255"></label></p>
<p><label>Paths in that vault, such as api-keys/* (* is anything within a segment, ** any number of segments)<br><input name="pattern" value="{{.Pattern}}" maxlength="512"></label></p>
<p><label><input type="checkbox" name="write" value="yes"{{if .Write}} checked{{end}}> It may write there too</label></p>{{end}}
{{template "signin" .Question}}
{{if .Decision}}<p><button class="yes">{{if eq .Decision "reject"}}Reject{{else}}Accept{{end}}</button></p>
{{else}}<p><button class="yes" name="decision" value="accept">Sign in and accept</button><button name="decision" value="reject">Sign in and reject</button></p>{{end}}
</form>
{{else}}<p class="problem" role="alert">That did not work: {{.Problem}}</p>{{end}}{{template "foot"}}`)

type enrollForm struct {
	Token, Vault, Pattern, Decision, Problem, Done string
	Write                                          bool
	Enrollment                                     *identity.Enrollment
	Question                                       question
}

// enrollPage is where the link of an enrolment's mail leads. Who has the link sees
// what is asked for; the answer takes the login of the human who was mailed.
type enrollPage struct {
	api   http.Handler
	asked func(ctx context.Context, token string) (identity.Enrollment, error)
}

func (p *enrollPage) handler() http.Handler { return asPage(p.show, p.answer, p.refuse) }

func (p *enrollPage) refuse(w http.ResponseWriter, status int, problem string) {
	render(w, enrollTemplate, status, enrollForm{Problem: problem})
}

func (p *enrollPage) show(w http.ResponseWriter, r *http.Request) {
	p.waiting(w, r, http.StatusOK, enrollForm{Token: r.URL.Query().Get("token")})
}

func (p *enrollPage) waiting(w http.ResponseWriter, r *http.Request, status int, form enrollForm) {
	e, err := p.asked(r.Context(), form.Token)
	if err != nil {
		p.refuse(w, http.StatusNotFound, "the link is wrong, was answered already, or is older than a day.")
		return
	}
	form.Enrollment = &e
	render(w, enrollTemplate, status, form)
}

func (p *enrollPage) answer(w http.ResponseWriter, r *http.Request) {
	form := enrollForm{
		Token: r.PostFormValue("token"), Vault: strings.TrimSpace(r.PostFormValue("vault")), Pattern: strings.TrimSpace(r.PostFormValue("pattern")),
		Write: r.PostFormValue("write") != "", Decision: r.PostFormValue("decision"),
	}
	e, err := p.asked(r.Context(), form.Token)
	if err != nil || form.Decision != "accept" && form.Decision != "reject" {
		p.refuse(w, http.StatusBadRequest, "the link is wrong, was answered already, or is older than a day.")
		return
	}
	api := inner{p.api, r}
	token, next, status := api.signIn(r)
	if token == "" {
		if form.Question = next; next.MFAToken == "" {
			form.Decision = ""
		}
		p.waiting(w, r, status, form)
		return
	}
	defer api.signOut(token)
	one := "/v1/agents/enrollments/" + e.ID
	if form.Decision == "reject" {
		status, _, problem := api.ask(http.MethodPost, one+"/reject", token, nil)
		p.end(w, r, status, form, problem, "The agent was rejected. Its key never works.")
		return
	}
	body, problem := form.grant(api, token)
	status = http.StatusBadRequest
	if problem == "" {
		status, _, problem = api.ask(http.MethodPost, one+"/accept", token, body)
	}
	p.end(w, r, status, form, problem, "The agent is yours, and the key from the mail works.")
}

// end shows that it is done, or the form again.
func (p *enrollPage) end(w http.ResponseWriter, r *http.Request, status int, form enrollForm, problem, done string) {
	if problem == "" {
		render(w, enrollTemplate, http.StatusOK, enrollForm{Done: done})
		return
	}
	form.Decision, form.Question.Problem = "", problem
	p.waiting(w, r, status, form)
}

// grant is what the agent is accepted with. A vault may be given by its name.
func (f *enrollForm) grant(api inner, token string) (map[string]any, string) {
	if f.Vault == "" && f.Pattern == "" && !f.Write {
		return map[string]any{}, ""
	}
	_, reply, problem := api.ask(http.MethodGet, "/v1/vaults", token, nil)
	if problem != "" {
		return nil, problem
	}
	var list struct {
		Vaults []struct{ ID, Name string }
	}
	if err := json.Unmarshal(reply, &list); err != nil {
		return nil, pageFault
	}
	permissions := []string{"read"}
	if f.Write {
		permissions = append(permissions, "write")
	}
	for _, v := range list.Vaults {
		if v.ID == f.Vault || v.Name == f.Vault {
			return map[string]any{"vault_id": v.ID, "secret_path_pattern": f.Pattern, "permissions": permissions}, ""
		}
	}
	return nil, "you have no vault of that name or id."
}
