package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
)

const sharePath = "/share/"

type shareView struct {
	Proof, Problem string
	Gone           bool // nothing opens it any more: the page says why and asks nothing
	SignIn         bool // the form asks who the person is
	Question       question
	Shown          bool
	Path, Value    string
	Left           int64 // how often it can be read again; -1: without limit
}

// sharePage is where the link of a share leads people. Opening it reads nothing, since mail
// scanners and chat programs open links: the button does. It takes a link, the proof from a
// mail, or the login of whom the share is for by name.
type sharePage struct{ *site }

func (p *sharePage) handler() http.Handler { return signed(p.ask, p.answer, p.refuse) }

func (p *sharePage) view(w http.ResponseWriter, status int, v shareView) {
	p.show(w, "share.html", status, v)
}

func (p *sharePage) refuse(w http.ResponseWriter, status int, problem string) {
	p.view(w, status, shareView{Problem: problem})
}

func (p *sharePage) ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.view(w, http.StatusOK, shareView{Proof: q.Get("proof"), SignIn: q.Get("signin") != ""})
}

func (p *sharePage) answer(w http.ResponseWriter, r *http.Request) {
	v := shareView{Proof: r.PostFormValue("proof"), SignIn: r.PostFormValue("email") != "" || r.PostFormValue("mfa_token") != ""}
	api, token, share := p.asking(r), "", "/v1/shares/"+strings.TrimPrefix(r.URL.Path, sharePath)
	if v.SignIn {
		var status int
		if token, v.Question, status = api.signIn(r); token == "" {
			p.view(w, status, v)
			return
		}
		defer api.signOut(token)
		if v.Proof == "" {
			if status, _, problem := api.ask(http.MethodPost, share+"/accept", token, nil); problem != "" {
				if v.Gone = gone(status); v.Gone {
					v.Problem = problem
				}
				v.Question.Problem = problem
				p.view(w, status, v)
				return
			}
		}
	}
	body := map[string]string{"proof": v.Proof}
	if phrase := r.PostFormValue("passphrase"); phrase != "" {
		body["passphrase"] = phrase
	}
	status, reply, problem := api.ask(http.MethodPost, share+"/access", token, body)
	if problem != "" {
		v.Problem, v.Gone, v.SignIn = problem, gone(status), v.SignIn || status == http.StatusUnauthorized
		p.view(w, status, v)
		return
	}
	defer clear(reply)
	var got struct {
		Path, Value string
		Count       int64 `json:"access_count"`
		Most        int64 `json:"max_access_count"`
	}
	if err := json.Unmarshal(reply, &got); err != nil {
		p.refuse(w, http.StatusInternalServerError, pageFault)
		return
	}
	v = shareView{Shown: true, Path: got.Path, Value: got.Value, Left: -1}
	if got.Most > 0 {
		v.Left = got.Most - got.Count
	}
	p.view(w, http.StatusOK, v)
}

func gone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }
