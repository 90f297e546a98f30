package dashboard

import "net/http"

// resetPage is where the link of a mail for a new password leads. Opening it
// changes nothing, since mail scanners open links; the form calls the API.
type resetPage struct{ *site }

type resetView struct {
	Token, Problem string
	Done           bool
}

func (p *resetPage) handler() http.Handler {
	return form(func(w http.ResponseWriter, r *http.Request) {
		p.view(w, http.StatusOK, resetView{Token: r.URL.Query().Get("token")})
	}, p.answer, func(w http.ResponseWriter, _ *http.Request) {
		p.view(w, http.StatusMethodNotAllowed, resetView{Problem: fromMail})
	})
}

func (p *resetPage) view(w http.ResponseWriter, status int, v resetView) {
	p.show(w, "reset.html", status, v)
}

func (p *resetPage) answer(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	status, problem := p.setPassword(r, token)
	p.view(w, status, resetView{Token: token, Problem: problem, Done: problem == ""})
}

// setPassword returns the status of the page, and what went wrong.
func (p *resetPage) setPassword(r *http.Request, token string) (int, string) {
	password := r.PostFormValue("password")
	if password != r.PostFormValue("again") {
		return http.StatusBadRequest, "the two passwords differ."
	}
	status, _, problem := p.asking(r).ask(http.MethodPost, "/v1/auth/reset-password", "", map[string]string{"token": token, "new_password": password})
	if problem == "" {
		status = http.StatusOK // the API has nothing to say, and the page has
	}
	return status, problem
}
