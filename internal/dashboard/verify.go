package dashboard

import "net/http"

// verifyPage is where the link of a confirmation mail leads. Opening it changes
// nothing, since mail scanners open links; the button calls the API.
type verifyPage struct{ *site }

type verifyView struct {
	Token, Problem string
	Done           bool
}

func (p *verifyPage) handler() http.Handler {
	return form(func(w http.ResponseWriter, r *http.Request) {
		p.view(w, http.StatusOK, verifyView{Token: r.URL.Query().Get("token")})
	}, p.answer, func(w http.ResponseWriter, _ *http.Request) {
		p.view(w, http.StatusMethodNotAllowed, verifyView{Problem: fromMail})
	})
}

func (p *verifyPage) view(w http.ResponseWriter, status int, v verifyView) {
	p.show(w, "verify.html", status, v)
}

// answer confirms the address. The token in the API's answer goes nowhere: the
// person logs in.
func (p *verifyPage) answer(w http.ResponseWriter, r *http.Request) {
	status, reply, problem := p.asking(r).ask(http.MethodPost, "/v1/auth/verify-email", "", map[string]string{"token": r.PostFormValue("token")})
	clear(reply)
	p.view(w, status, verifyView{Problem: problem, Done: problem == ""})
}
