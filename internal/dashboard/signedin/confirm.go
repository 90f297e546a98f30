package signedin

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// withheld are the fields that a page never sends back: a form with one of them that is
// filled is filled in again after the person has signed in.
var withheld = []string{"value", "password", "passphrase", "key", "code", "new_password", "current_password", "rpc_url", "ws_url"}

// fieldPrefix stands before the names of the fields of a form that waits.
const fieldPrefix = "f."

// confirm asks who is signed in to prove that it is still there, and goes on with the
// form that this request answers once that is done.
func (v *visit) confirm(q *question) {
	if q == nil {
		q = &question{Action: v.r.URL.RequestURI(), To: v.r.URL.RequestURI(), Fields: url.Values{}}
		if v.r.Method == http.MethodPost {
			q.To = local(pathOf(v.r.Referer()))
			q.Fields = v.waiting()
		}
	}
	if me, err := v.api.Me(v.r.Context()); err == nil {
		q.Email = me.Email
	}
	back := q.To
	if v.r.Method == http.MethodGet {
		back = v.r.URL.RequestURI()
	}
	q.Others = v.others(back, true)
	status := http.StatusOK
	if q.Problem != "" {
		status = http.StatusUnauthorized
	}
	_ = v.show(status, "confirm", v.t("Confirm that it is you"), q) // it writes the answer itself
}

// waiting are the fields of the form that this request answers, or nil when it has to be
// filled in again.
func (v *visit) waiting() url.Values {
	out := url.Values{}
	for name, values := range v.r.PostForm { //nolint:forbidigo // the fields of a form, no request
		out[name] = values
	}
	for _, name := range withheld {
		if out.Get(name) != "" {
			return nil
		}
		out.Del(name)
	}
	return out
}

// confirmed answers the form of confirm.
func confirmed(v *visit) error {
	q := &question{Action: local(v.r.PostFormValue("action")), To: local(v.r.PostFormValue("to"))}
	if v.r.PostFormValue("again") == "" {
		q.Fields = url.Values{}
		for name, values := range v.r.PostForm { //nolint:forbidigo // the fields of a form, no request
			if field, ok := strings.CutPrefix(name, fieldPrefix); ok {
				q.Fields[field] = values
			}
		}
	}
	me, err := v.api.Me(v.r.Context())
	if err != nil {
		return err
	}
	q.Email = me.Email
	token, _ := v.prove(q)
	if token == "" {
		v.confirm(q)
		return nil
	}
	if err := v.proved(token); err != nil {
		return err
	}
	switch {
	case q.Fields == nil:
		return v.back(q.To, "That was you. Fill in the form again: it held something that is not kept.")
	case len(q.Fields) == 0 && q.Action == q.To:
		return v.back(q.To, "")
	}
	v.goOn(q, v.cookie)
	return nil
}

// proved notes that the person of this login has just proved to be there, with the token of
// a login that was for this alone.
func (v *visit) proved(token string) error {
	cookie, err := v.Logins.Confirm(v.r.Context(), v.cookie, token, v.Now())
	_ = v.api.UsingToken(token).Logout(context.WithoutCancel(v.r.Context()))
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.cookie = string(cookie.Reveal())
	v.keep(v.cookie)
	return nil
}

// goOn answers the form that waited.
func (v *visit) goOn(q *question, cookie string) {
	body := q.Fields.Encode()
	r := v.r.Clone(v.r.Context())
	u, err := url.Parse(q.Action)
	if err != nil {
		v.fail(&client.Error{Status: http.StatusBadRequest, Code: "invalid_form", Detail: v.t("The form could not be read.")})
		return
	}
	r.URL, r.RequestURI, r.Form, r.PostForm = u, q.Action, nil, nil
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Del("Cookie")
	//nolint:gosec // G124: of a request, which has no attributes
	r.AddCookie(&http.Cookie{Name: v.Site.cookie, Value: cookie})
	for _, c := range v.r.Cookies() {
		if c.Name != v.Site.cookie {
			r.AddCookie(c)
		}
	}
	v.serve.ServeHTTP(v.w, r)
}

// pathOf is the path of an address with its query.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}
