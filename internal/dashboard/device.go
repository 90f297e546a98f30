package dashboard

import (
	"context"
	"net/http"
	"net/url"

	"github.com/oneclaw-dev/oneclaw/internal/account"
)

type deviceView struct {
	Code, Decision, Problem, Done string
	Device                        *account.Device
	Question                      question
}

// devicePage is where a human lets a device in: the page that the device's login
// names.
type devicePage struct {
	*site
	shown func(ctx context.Context, code string) (account.Device, error)
}

func (p *devicePage) handler() http.Handler { return signed(p.ask, p.answer, p.refuse) }

func (p *devicePage) view(w http.ResponseWriter, status int, v deviceView) {
	p.show(w, "device.html", status, v)
}

func (p *devicePage) refuse(w http.ResponseWriter, status int, problem string) {
	p.view(w, status, deviceView{Problem: problem})
}

// ask is the page of one code, or the one that asks for it. The API counts the
// guesses; what it does not tell strangers, the code's holder sees here.
func (p *devicePage) ask(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if code == "" {
		p.view(w, http.StatusOK, deviceView{})
		return
	}
	status, _, problem := p.asking(r).ask(http.MethodGet, "/v1/auth/device/code/"+url.PathEscape(code), "", nil)
	if problem != "" {
		p.refuse(w, status, problem)
		return
	}
	p.waiting(w, r, http.StatusOK, deviceView{Code: account.ShownUserCode(code)})
}

// waiting shows the code that waits, or that it waits no more.
func (p *devicePage) waiting(w http.ResponseWriter, r *http.Request, status int, page deviceView) {
	d, err := p.shown(r.Context(), page.Code)
	switch {
	case err != nil:
		p.refuse(w, http.StatusNotFound, "there is no such code. Compare it with what the device shows.")
	case d.Status == account.DeviceExpired:
		p.refuse(w, http.StatusBadRequest, "the code has expired. Start the login on the device again.")
	case d.Status != account.DevicePending:
		p.refuse(w, http.StatusBadRequest, "this code was approved or denied already.")
	default:
		page.Device = &d
		p.view(w, status, page)
	}
}

func (p *devicePage) answer(w http.ResponseWriter, r *http.Request) {
	page := deviceView{Code: account.ShownUserCode(r.PostFormValue("code")), Decision: r.PostFormValue("decision")}
	done := map[string]string{"approve": "The device is logged in as soon as it asks again.", "deny": "The device was refused."}
	if page.Code == "" || done[page.Decision] == "" {
		p.refuse(w, http.StatusBadRequest, formFault)
		return
	}
	api := p.asking(r)
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
	p.view(w, http.StatusOK, deviceView{Done: done[page.Decision]})
}
