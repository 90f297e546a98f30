package entry

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// withheld are the fields that a page never sends back: a form with one of them that is
// filled is filled in again after the person has signed in.
var withheld = []string{"value", "password", "passphrase", "key", "code", "new_password", "current_password", "rpc_url", "ws_url", "passkey"}

// fieldPrefix stands before the names of the fields of a form that waits.
const fieldPrefix = "f."

// Confirm asks who is signed in to prove that it is still there, and goes on with the
// form that this request answers once that is done.
func (d Door) Confirm(v *frame.Visit) error {
	q := &question{Action: v.R.URL.RequestURI(), To: v.R.URL.RequestURI(), Fields: url.Values{}}
	if v.R.Method == http.MethodPost {
		q.To = frame.Local(pathOf(v.R.Referer()))
		q.Fields = waiting(v)
	}
	return d.ask(v, q)
}

// ask shows the form of a proof.
func (d Door) ask(v *frame.Visit, q *question) error {
	if me, err := v.API.Me(v.R.Context()); err == nil {
		q.Email = me.Email
	}
	q.Others = d.others(q.To, true)
	status := http.StatusOK
	if q.Problem != "" {
		status = http.StatusUnauthorized
	}
	return v.Show(status, "confirm", v.T("Confirm that it is you"), q)
}

// waiting are the fields of the form that this request answers, or nil when it has to be
// filled in again.
func waiting(v *frame.Visit) url.Values {
	out := url.Values{}
	for name, values := range v.R.PostForm { //nolint:forbidigo // the fields of a form, no request
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

// confirmed answers the form of a proof.
func (d Door) confirmed(v *frame.Visit) error {
	q := &question{Action: frame.Local(v.R.PostFormValue("action")), To: frame.Local(v.R.PostFormValue("to"))}
	if v.R.PostFormValue("again") == "" {
		q.Fields = url.Values{}
		for name, values := range v.R.PostForm { //nolint:forbidigo // the fields of a form, no request
			if field, ok := strings.CutPrefix(name, fieldPrefix); ok {
				q.Fields[field] = values
			}
		}
	}
	me, err := v.API.Me(v.R.Context())
	if err != nil {
		return err
	}
	q.Email = me.Email
	token, _ := prove(v, q)
	if token == "" {
		return d.ask(v, q)
	}
	if err := v.Proved(token); frame.SomebodyElse(err) {
		return d.somebodyElse(v, q)
	} else if err != nil {
		return err
	}
	switch {
	case q.Fields == nil:
		return v.Back(q.To, "That was you. Fill in the form again: it held something that is not kept.")
	case len(q.Fields) == 0 && q.Action == q.To:
		return v.Back(q.To, "")
	}
	return v.GoOn(q.Action, q.Fields)
}

// somebodyElse asks again after a proof of another account.
func (d Door) somebodyElse(v *frame.Visit, q *question) error {
	q.Problem = v.T("That is another account than the one that is signed in here.")
	return d.ask(v, q)
}

// pathOf is the path of an address with its query.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}
