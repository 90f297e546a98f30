package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

// What pages say when the API does not.
const (
	pageFault  = "something went wrong here."
	formFault  = "the form could not be read."
	otherVerbs = "this page takes no such request."
	fromMail   = "this page is opened from the mail."
)

// inner asks the API in this process on behalf of who opened a page.
type inner struct {
	*site
	out *http.Request // the browser's
}

// asking is the API for one request of a browser.
func (s *site) asking(r *http.Request) inner { return inner{s, r} }

// ask returns the status and the body of the API's answer, and what went wrong in
// words for people. The caller wipes a body that holds a login. When the API gives
// up, so does the page: nobody gets half an answer.
func (i inner) ask(method, path, token string, body any) (status int, reply []byte, problem string) {
	text, err := json.Marshal(body)
	if err != nil {
		return http.StatusBadRequest, nil, formFault
	}
	defer clear(text) // it may hold a password
	//nolint:gosec // G704: the request never leaves the process, and its path is a constant's
	r, err := http.NewRequestWithContext(i.out.Context(), method, path, bytes.NewReader(text))
	if err != nil {
		return http.StatusBadRequest, nil, formFault
	}
	if body == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if status, reply, err = loopback.New(i.api, i.out, i.log).Call(r); err != nil {
		panic(http.ErrAbortHandler)
	}
	if status >= 200 && status < 300 {
		return status, reply, ""
	}
	var p struct{ Detail string }
	if err := json.Unmarshal(reply, &p); err != nil || p.Detail == "" {
		p.Detail = pageFault
	}
	return status, nil, p.Detail
}

// signOut ends the login that a page made for one request, also when the browser
// is gone meanwhile.
func (i inner) signOut(token string) {
	i.out = i.out.WithContext(context.WithoutCancel(i.out.Context()))
	i.ask(http.MethodDelete, "/v1/auth/token", token, nil)
}
