package dashboard

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

const wantedPath = "/requests/"

// maxWanted bounds the form with a value, which takes three times its length where all of it is escaped.
const maxWanted = 256 << 10

// showScript lets a person look at what they typed. It is the one script of all pages: by its hash
// alone the browser runs it, and without it the page works as well.
const showScript = `(function(){var b=document.getElementById("show"),v=document.getElementById("value");` +
	`b.hidden=false;b.onclick=function(){var s=v.type==="password";v.type=s?"text":"password";b.textContent=s?"Hide":"Show"}})()`

type wantedView struct {
	Problem, Done string
	Over          string // why nothing can be given any more
	Request       *wanted.Request
	Hosts         []string // of the service that the agent suggests
	BindService   bool
	BindHost      bool
	Host, In      string
	There         bool // there is a secret at the path
	Answer, Email string
	Script        template.HTML
}

// wantedPage is where a person gives an agent's secret. Who has the link sees what is asked for;
// the value takes the login of somebody who may write the path. All of it is one step, also
// with a second factor: a page that asked twice would have to hold the value in between.
type wantedPage struct {
	*site
	asked func(ctx context.Context, id string) (wanted.Request, error)
	now   func() time.Time
}

func (p *wantedPage) handler() http.Handler {
	return signedWithin(maxWanted, p.ask, p.answer, p.refuse)
}

// view shows the page, whose policy lets the one script run.
func (p *wantedPage) view(w http.ResponseWriter, status int, v wantedView) {
	const policy = "Content-Security-Policy"
	sum := sha256.Sum256([]byte(showScript))
	w.Header().Set(policy, strings.Replace(w.Header().Get(policy), "style-src", "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; style-src", 1))
	v.Script = "<script>" + showScript + "</script>"
	p.show(w, "wanted.html", status, v)
}

func (p *wantedPage) refuse(w http.ResponseWriter, status int, problem string) {
	p.view(w, status, wantedView{Over: "That did not work: " + problem})
}

func (p *wantedPage) ask(w http.ResponseWriter, r *http.Request) {
	p.waiting(w, r, http.StatusOK, wantedView{})
}

// over says why nothing can be given for a request any more.
func over(r *wanted.Request, now time.Time) string {
	switch r.At(now) {
	case wanted.Waiting:
		return ""
	case wanted.Filled:
		return "This secret was given already."
	case wanted.Declined:
		return "Somebody declined this request."
	case wanted.Withdrawn:
		return "The agent has withdrawn this request."
	case wanted.Expired:
		return "The time of this request is over. The agent can ask again."
	default:
		return "This request has ended: the agent is stopped, has another key, or does not reach the path any more."
	}
}

// waiting shows the request that waits, or why it does not.
func (p *wantedPage) waiting(w http.ResponseWriter, r *http.Request, status int, v wantedView) {
	found, err := p.asked(r.Context(), strings.TrimPrefix(r.URL.Path, wantedPath))
	switch {
	case fault.Is(err, fault.NotFound):
		p.view(w, http.StatusNotFound, wantedView{Over: "There is no such request. It may be over for long, or its vault is deleted."})
		return
	case err != nil:
		p.refuse(w, http.StatusServiceUnavailable, pageFault)
		return
	}
	if why := over(&found, p.now()); why != "" {
		p.view(w, max(status, http.StatusConflict), wantedView{Over: why})
		return
	}
	v.Request = &found
	for _, b := range binding.Services()[found.Service] {
		v.Hosts = append(v.Hosts, b.Hosts...)
	}
	slices.Sort(v.Hosts)
	v.Hosts = slices.Compact(v.Hosts)
	if v.Host == "" {
		v.Host = found.Host
	}
	p.view(w, status, v)
}

func (p *wantedPage) answer(w http.ResponseWriter, r *http.Request) {
	v := wantedView{
		BindService: r.PostFormValue("bind_service") != "", BindHost: r.PostFormValue("bind_host") != "", Host: strings.TrimSpace(r.PostFormValue("host")),
		In: strings.TrimSpace(r.PostFormValue("in")), There: r.PostFormValue("new_version") != "", Answer: r.PostFormValue("answer"), Email: r.PostFormValue("email"),
	}
	again := func(status int, problem string) {
		v.Problem = problem
		p.waiting(w, r, status, v)
	}
	id := strings.TrimPrefix(r.URL.Path, wantedPath)
	asked, err := p.asked(r.Context(), id)
	if err != nil || over(&asked, p.now()) != "" {
		p.waiting(w, r, http.StatusOK, v)
		return
	}
	decline := r.PostFormValue("decision") == "decline"
	value := r.PostFormValue("value")
	if value == "" && !decline {
		again(http.StatusBadRequest, "no value was given.")
		return
	}
	api := p.asking(r)
	token, next, status := api.signIn(r)
	if token == "" && next.MFAToken != "" && next.Problem == "" {
		if r.PostFormValue("mfa_code") == "" {
			again(http.StatusBadRequest, "your account has a second factor: enter its code too, and the password and the value again, which this page does not keep.")
			return
		}
		r.PostForm.Set("mfa_token", next.MFAToken)
		token, next, status = api.signIn(r)
	}
	if token == "" {
		again(status, next.Problem)
		return
	}
	defer api.signOut(token)
	one := "/v1/secret-requests/" + id
	if decline {
		if status, _, problem := api.ask(http.MethodPost, one+"/decline", token, map[string]any{"reason": v.Answer}); problem != "" {
			again(status, problem)
			return
		}
		p.view(w, http.StatusOK, wantedView{Done: "You declined. The agent reads that, and what you wrote."})
		return
	}
	status, reply, problem := api.ask(http.MethodPost, one+"/fill", token, map[string]any{
		"value": value, "new_version": v.There, "bindings": v.bindings(&asked),
	})
	if problem != "" {
		v.There = v.There || status == http.StatusConflict
		again(status, problem)
		return
	}
	var got struct{ Version uint64 }
	if err := json.Unmarshal(reply, &got); err != nil {
		p.refuse(w, http.StatusInternalServerError, pageFault)
		return
	}
	p.view(w, http.StatusOK, wantedView{Done: "The value is stored. The agent is not shown it by this: policies say whether it may use or read what is at the path."})
}

// bindings are where the person lets the secret be used.
func (v *wantedView) bindings(r *wanted.Request) []map[string]any {
	out := []map[string]any{}
	if v.BindService {
		for _, b := range binding.Services()[r.Service] {
			out = append(out, map[string]any{"hosts": b.Hosts, "methods": b.Methods, "paths": b.Paths, "in": b.In, "user": b.User})
		}
	}
	if v.BindHost {
		out = append(out, map[string]any{"hosts": []string{v.Host}, "in": v.In})
	}
	return out
}
