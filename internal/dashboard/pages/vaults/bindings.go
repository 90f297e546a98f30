package vaults

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var bindingPages = map[string]frame.Page{
	"GET /vaults/{vault}/bindings/{path...}":  editBindings,
	"POST /vaults/{vault}/bindings/{path...}": setBindings,
}

// boundRow is where a secret may be used, and who said so.
type boundRow struct {
	*client.Binding
	By string
}

// bindingForm is what was filled in about where a secret may be used.
type bindingForm struct {
	vaultHead
	Path, Problem string
	Short         bool // the value is too short to be sent
	Bindings      []client.Binding
}

// Presets are the services that are known, by name.
func (bindingForm) Presets() []string { return slices.Sorted(maps.Keys(binding.Services())) }

// Rows are the bindings with a free one at the end.
func (f bindingForm) Rows() []client.Binding {
	if len(f.Bindings) >= binding.Most {
		return f.Bindings
	}
	return append(slices.Clip(f.Bindings), client.Binding{})
}

// To is where the form goes.
func (f bindingForm) To() string { return at(f.ID, "bindings", f.Path) }

// Back is the page of the secret.
func (f bindingForm) Back() string { return at(f.ID, "secret", f.Path) + "?tab=use" }

// editBindings shows the form, with those of a known service added where one is chosen.
func editBindings(v *frame.Visit) error {
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	f := bindingForm{vaultHead: h, Path: v.R.PathValue("path")}
	now, err := v.API.Bindings(v.R.Context(), h.ID, f.Path)
	if err != nil {
		return err
	}
	f.Short = len(now.Warnings) > 0
	f.Bindings = append(now.Bindings, preset(v.Query("preset"))...)
	return v.Show(http.StatusOK, "bindings", v.T("Where %s may be used", f.Path), f)
}

// preset is where the keys of a known service are used.
func preset(name string) (out []client.Binding) {
	for _, b := range binding.Services()[name] { // of the few fields that services have
		out = append(out, client.Binding{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: string(b.In), User: b.User})
	}
	return out
}

func setBindings(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	h, err := headOf(v, "secrets")
	if err != nil {
		return err
	}
	f := bindingForm{vaultHead: h, Path: v.R.PathValue("path")}
	for i := range binding.Most {
		if b, ok := bindingIn(v, "."+strconv.Itoa(i)); ok {
			f.Bindings = append(f.Bindings, b)
		}
	}
	set, err := v.API.SetBindings(v.R.Context(), h.ID, f.Path, f.Bindings)
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "bindings", v.T("Where %s may be used", f.Path), f)
	}
	if err != nil {
		return err
	}
	if len(set.Warnings) > 0 {
		return v.Back(f.Back(), "Where the secret may be used is stored, but it has fewer than 8 bytes, so it is not sent. Store a longer one.")
	}
	return v.Back(f.Back(), "Where the secret may be used is stored.")
}

// bindingIn reads one of the form. ok is false for one that is empty or is to go.
func bindingIn(v *frame.Visit, suffix string) (b client.Binding, ok bool) {
	field := func(name string) string { return v.Form(name + suffix) }
	b = client.Binding{
		Hosts: listOf(field("hosts")), Methods: listOf(strings.ToUpper(field("methods"))), Paths: listOf(field("paths")), In: field("in"),
		User: field("user"), Region: field("region"), Service: field("service"), Header: field("header"),
		TokenURL: field("token_url"), Scope: field("scope"), TokenAuth: field("token_auth"),
		HostKeys: listOf(field("host_keys")), Namespaces: listOf(field("namespaces")), AnswerCredentials: field("answer_credentials") != "",
	}
	return b, field("remove") == "" && len(b.Hosts)+len(b.HostKeys)+len(b.Namespaces) > 0
}

// listOf reads what stands in a field with spaces, commas or lines between.
func listOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}
