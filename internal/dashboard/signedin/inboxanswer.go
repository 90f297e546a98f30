package signedin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
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

func oneRequest(v *visit) error {
	d, err := v.request()
	if err != nil {
		return err
	}
	return v.showRequest(http.StatusOK, d)
}

func (v *visit) showRequest(status int, d *requestView) error {
	return v.show(status, "inbox-request", v.t("A secret that an agent lacks"), d)
}

// request is the request with what was filled in, but for the value.
func (v *visit) request() (*requestView, error) {
	r, err := v.api.SecretRequest(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d := &requestView{
		SecretRequest: r, BindService: v.form("bind_service") != "", BindHost: v.form("bind_host") != "", BoundHost: v.form("host"), In: v.form("in"),
		Type: v.form("type"), Again: v.form("new_version") != "", Answer: v.form("reason"), Types: requestTypes,
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
func fillRequest(v *visit) error {
	d, err := v.request()
	if err != nil {
		return err
	}
	// Browsers send the ends of lines as \r\n; keys and files have \n.
	value := client.ValueOf(strings.ReplaceAll(v.r.PostFormValue("value"), "\r\n", "\n"))
	defer value.Wipe()
	again := func(status int, problem string) error {
		d.Problem = problem
		d.Again = d.Again || status == http.StatusConflict
		return v.showRequest(status, d)
	}
	if value.Len() == 0 {
		return again(http.StatusBadRequest, v.t("No value was given."))
	}
	_, err = v.api.FillSecretRequest(v.r.Context(), d.ID, value, client.SecretGiven{Type: d.Type, NewVersion: d.Again, Bindings: d.bindings()})
	if retry(err) {
		status, problem := describe(v, err)
		return again(status, problem)
	}
	if err != nil {
		return err
	}
	return v.back("/inbox", "The value is stored. Policies say whether the agent may use or read it.")
}

func declineRequest(v *visit) error {
	if _, err := v.api.DeclineSecretRequest(v.r.Context(), v.r.PathValue("id"), v.form("reason")); err != nil {
		return err
	}
	return v.back("/inbox", "You declined. The agent reads that, and what you wrote.")
}

// enrolmentView is an agent that asks to be let in.
type enrolmentView struct {
	*client.Enrollment
	Vaults                []client.Vault
	Vault, Pattern, Right string
	Problem               string
}

func oneEnrolment(v *visit) error {
	d, err := v.enrolment()
	if err != nil {
		return err
	}
	return v.showEnrolment(http.StatusOK, d)
}

func (v *visit) showEnrolment(status int, d *enrolmentView) error {
	return v.show(status, "inbox-enrolment", v.t("An agent asks to be let in"), d)
}

func (v *visit) enrolment() (*enrolmentView, error) {
	all, err := v.api.Enrollments(v.r.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(e client.Enrollment) bool { return e.ID == v.r.PathValue("id") })
	if at < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.t("No such agent waits for you. It may have been answered already.")}
	}
	d := &enrolmentView{Enrollment: &all[at], Pattern: "**", Right: "use"}
	if d.Vaults, err = v.api.Vaults(v.r.Context()); seen(err) != nil {
		return nil, err
	}
	return d, nil
}

// acceptEnrolment lets an agent in, with what was filled in.
func acceptEnrolment(v *visit) error {
	if v.person() {
		return nil
	}
	grant := client.EnrollmentGrant{}
	if vault := v.form("vault"); vault != "" {
		right := "use"
		if v.form("right") == "read" {
			right = "read"
		}
		grant = client.EnrollmentGrant{VaultID: vault, SecretPathPattern: v.form("pattern"), Permissions: []string{right}}
	}
	a, err := v.api.AcceptEnrollment(v.r.Context(), v.r.PathValue("id"), grant)
	if retry(err) {
		d, gone := v.enrolment()
		if gone != nil {
			return gone
		}
		d.Vault, d.Pattern, d.Right = v.form("vault"), v.form("pattern"), v.form("right")
		var status int
		status, d.Problem = describe(v, err)
		return v.showEnrolment(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/agents/"+a.ID, "The agent is let in. Its key works now.")
}

func rejectEnrolment(v *visit) error {
	if err := v.api.RejectEnrollment(v.r.Context(), v.r.PathValue("id")); err != nil {
		return err
	}
	return v.back("/inbox", "The agent is turned away.")
}

// Reads reports whether the agent may read what is at the path.
func (d *requestView) Reads() bool { return d.MayRead != nil && *d.MayRead }

// Uses reports whether it may use it.
func (d *requestView) Uses() bool { return d.MayUse != nil && *d.MayUse }
