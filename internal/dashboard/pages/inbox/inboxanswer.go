package inbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// requestView is a secret that an agent asks for.
type requestView struct {
	*client.SecretRequest
	Hosts       []string // of the service that the agent suggests
	BindService bool
	BindHost    bool
	BoundHost   string
	In          string
	Type        string
	Again       bool // also where there is a secret at the path
	Answer      string
	Problem     string
	Types       []string
}

// requestTypes are the types that a value which a person types in can have.
var requestTypes = []string{"generic", "api_key", "password", "token", "private_key", "certificate", "ssh_key", "totp_seed", "note"}

func oneRequest(v *frame.Visit) error {
	d, err := requestOf(v)
	if err != nil {
		return err
	}
	return showRequest(v, http.StatusOK, d)
}

func showRequest(v *frame.Visit, status int, d *requestView) error {
	return v.Show(status, "inbox-request", v.T("A secret that an agent lacks"), d)
}

// requestOf is the request with what was filled in, but for the value.
func requestOf(v *frame.Visit) (*requestView, error) {
	r, err := v.API.SecretRequest(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d := &requestView{
		SecretRequest: r, BindService: v.Form("bind_service") != "", BindHost: v.Form("bind_host") != "", BoundHost: v.Form("host"), In: v.Form("in"),
		Type: v.Form("type"), Again: v.Form("new_version") != "", Answer: v.Form("reason"), Types: requestTypes,
	}
	if d.BoundHost == "" {
		d.BoundHost = r.Host
	}
	for _, b := range binding.Services()[r.Service] {
		d.Hosts = append(d.Hosts, b.Hosts...)
	}
	slices.Sort(d.Hosts)
	d.Hosts = slices.Compact(d.Hosts)
	return d, nil
}

// bindings are where the person lets agents use the secret.
func (d *requestView) bindings() (out []client.Binding) {
	if d.BindService {
		for _, b := range binding.Services()[d.Service] {
			out = append(out, client.Binding{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: string(b.In), User: b.User})
		}
	}
	if d.BindHost {
		out = append(out, client.Binding{Hosts: []string{d.BoundHost}, In: d.In})
	}
	return out
}

// fillRequest gives the value that an agent asked for.
func fillRequest(v *frame.Visit) error {
	d, err := requestOf(v)
	if err != nil {
		return err
	}
	// Browsers send the ends of lines as \r\n; keys and files have \n.
	value := client.ValueOf(strings.ReplaceAll(v.R.PostFormValue("value"), "\r\n", "\n"))
	defer value.Wipe()
	again := func(status int, problem string) error {
		d.Problem = problem
		d.Again = d.Again || status == http.StatusConflict
		return showRequest(v, status, d)
	}
	if value.Len() == 0 {
		return again(http.StatusBadRequest, v.T("No value was given."))
	}
	_, err = v.API.FillSecretRequest(v.R.Context(), d.ID, value, client.SecretGiven{Type: d.Type, NewVersion: d.Again, Bindings: d.bindings()})
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		return again(status, problem)
	}
	if err != nil {
		return err
	}
	return v.Back("/inbox", "The value is stored. Policies say whether the agent may use or read it.")
}

func declineRequest(v *frame.Visit) error {
	if _, err := v.API.DeclineSecretRequest(v.R.Context(), v.R.PathValue("id"), v.Form("reason")); err != nil {
		return err
	}
	return v.Back("/inbox", "You declined. The agent reads that, and what you wrote.")
}

// enrolmentView is an agent that asks to be let in.
type enrolmentView struct {
	*client.Enrollment
	Vaults                []client.Vault
	Vault, Pattern, Right string
	Problem               string
}

func oneEnrolment(v *frame.Visit) error {
	d, err := enrolmentOf(v)
	if err != nil {
		return err
	}
	return showEnrolment(v, http.StatusOK, d)
}

func showEnrolment(v *frame.Visit, status int, d *enrolmentView) error {
	return v.Show(status, "inbox-enrolment", v.T("An agent asks to be let in"), d)
}

func enrolmentOf(v *frame.Visit) (*enrolmentView, error) {
	all, err := v.API.Enrollments(v.R.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(e client.Enrollment) bool { return e.ID == v.R.PathValue("id") })
	if at < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.T("No such agent waits for you. It may have been answered already.")}
	}
	d := &enrolmentView{Enrollment: &all[at], Pattern: "**", Right: "use"}
	if d.Vaults, err = v.API.Vaults(v.R.Context()); frame.Seen(err) != nil {
		return nil, err
	}
	return d, nil
}

// acceptEnrolment lets an agent in, with what was filled in.
func acceptEnrolment(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	grant := client.EnrollmentGrant{}
	if vault := v.Form("vault"); vault != "" {
		right := "use"
		if v.Form("right") == "read" {
			right = "read"
		}
		grant = client.EnrollmentGrant{VaultID: vault, SecretPathPattern: v.Form("pattern"), Permissions: []string{right}}
	}
	a, err := v.API.AcceptEnrollment(v.R.Context(), v.R.PathValue("id"), grant)
	if frame.Retry(err) {
		d, gone := enrolmentOf(v)
		if gone != nil {
			return gone
		}
		d.Vault, d.Pattern, d.Right = v.Form("vault"), v.Form("pattern"), v.Form("right")
		var status int
		status, d.Problem = v.Describe(err)
		return showEnrolment(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/agents/"+a.ID, "The agent is let in. Its key works now.")
}

func rejectEnrolment(v *frame.Visit) error {
	if err := v.API.RejectEnrollment(v.R.Context(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Back("/inbox", "The agent is turned away.")
}

// Reads reports whether the agent may read what is at the path.
func (d *requestView) Reads() bool { return d.MayRead != nil && *d.MayRead }

// Uses reports whether it may use it.
func (d *requestView) Uses() bool { return d.MayUse != nil && *d.MayUse }
