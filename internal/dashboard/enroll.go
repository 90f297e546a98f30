package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

type enrollView struct {
	Token, Vault, Pattern, Decision, Problem, Done string
	Write, Gone                                    bool
	Enrollment                                     *agent.Enrollment
	Question                                       question
}

// enrollPage is where the link of an enrolment's mail leads. Who has the link sees
// what is asked for; the answer takes the login of the human who was mailed.
type enrollPage struct {
	*site
	asked func(ctx context.Context, token string) (agent.Enrollment, error)
}

func (p *enrollPage) handler() http.Handler { return signed(p.ask, p.answer, p.refuse) }

func (p *enrollPage) view(w http.ResponseWriter, status int, v enrollView) {
	p.show(w, "enroll.html", status, v)
}

func (p *enrollPage) refuse(w http.ResponseWriter, status int, problem string) {
	p.view(w, status, enrollView{Problem: problem})
}

// gone says what a link that nothing waits behind may have been used for.
func (p *enrollPage) gone(w http.ResponseWriter, err error) {
	if !fault.Is(err, fault.NotFound) {
		p.refuse(w, http.StatusServiceUnavailable, pageFault)
		return
	}
	p.view(w, http.StatusNotFound, enrollView{Gone: true})
}

func (p *enrollPage) ask(w http.ResponseWriter, r *http.Request) {
	p.waiting(w, r, http.StatusOK, enrollView{Token: r.URL.Query().Get("token")})
}

func (p *enrollPage) waiting(w http.ResponseWriter, r *http.Request, status int, form enrollView) {
	e, err := p.asked(r.Context(), form.Token)
	if err != nil {
		p.gone(w, err)
		return
	}
	form.Enrollment = &e
	p.view(w, status, form)
}

func (p *enrollPage) answer(w http.ResponseWriter, r *http.Request) {
	form := enrollView{
		Token: r.PostFormValue("token"), Vault: strings.TrimSpace(r.PostFormValue("vault")), Pattern: strings.TrimSpace(r.PostFormValue("pattern")),
		Write: r.PostFormValue("write") != "", Decision: r.PostFormValue("decision"),
	}
	e, err := p.asked(r.Context(), form.Token)
	if err != nil {
		p.gone(w, err)
		return
	}
	if form.Decision != "accept" && form.Decision != "reject" {
		p.refuse(w, http.StatusBadRequest, "the form was sent without an answer: press Accept or Reject.")
		return
	}
	api := p.asking(r)
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
func (p *enrollPage) end(w http.ResponseWriter, r *http.Request, status int, form enrollView, problem, done string) {
	if problem == "" {
		p.view(w, http.StatusOK, enrollView{Done: done})
		return
	}
	form.Decision, form.Question.Problem = "", problem
	p.waiting(w, r, status, form)
}

// grant is what the agent is accepted with. A vault may be given by its name.
func (f *enrollView) grant(api inner, token string) (map[string]any, string) {
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
