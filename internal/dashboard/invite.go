package dashboard

import "net/http"

// invitePage is where the link of an invitation leads. Opening it changes nothing;
// the form calls the API. It hands out no token: the person logs in.
type invitePage struct{ *site }

type inviteView struct{ Token, Problem, Done string }

func (p *invitePage) handler() http.Handler {
	return form(func(w http.ResponseWriter, r *http.Request) {
		p.view(w, http.StatusOK, inviteView{Token: r.URL.Query().Get("token")})
	}, p.answer, func(w http.ResponseWriter, _ *http.Request) {
		p.view(w, http.StatusMethodNotAllowed, inviteView{Problem: fromMail})
	})
}

func (p *invitePage) view(w http.ResponseWriter, status int, v inviteView) {
	p.show(w, "invite.html", status, v)
}

func (p *invitePage) answer(w http.ResponseWriter, r *http.Request) {
	v := inviteView{Token: r.PostFormValue("token")}
	if v.Token == "" { // without a token it would be a sign-up like any other
		v.Problem = "the invitation is not complete: open the link from the mail again."
		p.view(w, http.StatusBadRequest, v)
		return
	}
	status, reply, problem := p.asking(r).ask(http.MethodPost, "/v1/auth/signup", "", map[string]string{
		"email": r.PostFormValue("email"), "password": r.PostFormValue("password"),
		"display_name": r.PostFormValue("display_name"), "invite_token": v.Token,
	})
	clear(reply) // a token that goes nowhere
	if v.Problem = problem; problem == "" {
		v = inviteView{Done: "You are a member now. Log in with the password of your account: oneclaw login."}
	}
	p.view(w, status, v)
}
