package vaults

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var policyPages = map[string]frame.Page{
	"GET /vaults/{vault}/policies":                  policies,
	"GET /vaults/{vault}/policies/new":              newPolicy,
	"POST /vaults/{vault}/policies/new":             makePolicy,
	"GET /vaults/{vault}/policies/{policy}":         editPolicy,
	"POST /vaults/{vault}/policies/{policy}":        changePolicy,
	"GET /vaults/{vault}/policies/{policy}/delete":  askDeletePolicy,
	"POST /vaults/{vault}/policies/{policy}/delete": deletePolicy,
}

// policyRow is a policy with the names of whom it is about.
type policyRow struct {
	client.Policy
	Who, By string
	Terms   terms
	Over    bool // its end has come
}

// policies lists those of a vault.
func policies(v *frame.Visit) error {
	d := struct {
		vaultHead
		Rows []policyRow
	}{}
	var all []client.Policy
	var n names
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.vaultHead, err = headOf(v, "policies"); return err })
	g.Go(func() (err error) { all, err = v.API.Policies(ctx, v.R.PathValue("vault")); return err })
	g.Go(func() (err error) { n, err = namesFor(ctx, v); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range all {
		p := &all[i]
		d.Rows = append(d.Rows, policyRow{
			Policy: *p, Who: n.of(p.PrincipalType, p.PrincipalID), By: n.of(p.CreatedByType, p.CreatedBy),
			Terms: termsOf(p), Over: p.ExpiresAt != nil && !v.Now().Before(*p.ExpiresAt),
		})
	}
	return v.Show(http.StatusOK, "policies", d.Name, d)
}

// policyForm is what was filled in for a policy.
type policyForm struct {
	vaultHead
	Policy         *client.Policy // the one that is changed; nil for a new one
	Who, Name      string         // "agent:ID" or "user:ID", and its name
	Pattern        string
	Permissions    []string
	Expires        string
	Terms          terms
	Problem        string
	Opens          *opening // what it opens, once it was asked for
	Agents, People []frame.Choice
}

// To is where the form goes.
func (f policyForm) To() string {
	if f.Policy != nil {
		return "/vaults/" + f.ID + "/policies/" + f.Policy.ID
	}
	return "/vaults/" + f.ID + "/policies/new"
}

// Allows reports whether a permission is chosen.
func (f policyForm) Allows(permission string) bool { return slices.Contains(f.Permissions, permission) }

func newPolicy(v *frame.Visit) error {
	f, err := policyFormOf(v)
	if err != nil {
		return err
	}
	f.Pattern, f.Who = v.Query("pattern"), v.Query("who")
	f.Permissions = []string{"use"}
	return showPolicy(v, http.StatusOK, f)
}

func editPolicy(v *frame.Visit) error {
	f, err := policyFormOf(v)
	if err != nil {
		return err
	}
	f.Permissions, f.Terms = f.Policy.Permissions, termsOf(f.Policy)
	if f.Policy.ExpiresAt != nil {
		f.Expires = f.Policy.ExpiresAt.UTC().Format(formTime)
	}
	return showPolicy(v, http.StatusOK, f)
}

// policyFormOf is the form of the policy that the address names, or of a new one, with who
// can be chosen.
func policyFormOf(v *frame.Visit) (policyForm, error) {
	var f policyForm
	var n names
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { f.vaultHead, err = headOf(v, "policies"); return err })
	g.Go(func() (err error) { n, err = namesFor(ctx, v); return err })
	if id := v.R.PathValue("policy"); id != "" {
		g.Go(func() (err error) { f.Policy, err = policyOf(v, id); return err })
	}
	if err := g.Wait(); err != nil {
		return f, err
	}
	for i := range n.agents {
		f.Agents = append(f.Agents, frame.Choice{Value: "agent:" + n.agents[i].ID, Text: n.agents[i].Name})
	}
	for _, m := range n.members {
		f.People = append(f.People, frame.Choice{Value: "user:" + m.ID, Text: m.Email})
	}
	if p := f.Policy; p != nil {
		f.Who, f.Name, f.Pattern = p.PrincipalType+":"+p.PrincipalID, n.of(p.PrincipalType, p.PrincipalID), p.SecretPathPattern
	}
	return f, nil
}

// policyOf finds one of the vault by its id.
func policyOf(v *frame.Visit, id string) (*client.Policy, error) {
	all, err := v.API.Policies(v.R.Context(), v.R.PathValue("vault"))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(p client.Policy) bool { return p.ID == id })
	if i < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "policy_not_found", Detail: v.T("There is no such policy, or it is not yours to see.")}
	}
	return &all[i], nil
}

func showPolicy(v *frame.Visit, status int, f policyForm) error {
	title := v.T("New policy")
	if f.Policy != nil {
		title = v.T("Change a policy")
	}
	return v.Show(status, "policy", title, f)
}

func makePolicy(v *frame.Visit) error {
	return savePolicy(v, func(f *policyForm, c *client.Conditions) (*client.Policy, error) {
		kind, id, _ := strings.Cut(f.Who, ":")
		g := client.PolicyGrant{SecretPathPattern: f.Pattern, PrincipalType: kind, PrincipalID: id, Permissions: f.Permissions, Conditions: c}
		g.ExpiresAt, _ = parseTime(f.Expires)
		return v.API.CreatePolicy(v.R.Context(), f.ID, g)
	}, "The policy is stored. It holds from now on.")
}

func changePolicy(v *frame.Visit) error {
	return savePolicy(v, func(f *policyForm, c *client.Conditions) (*client.Policy, error) {
		u := client.PolicyUpdate{Permissions: f.Permissions, Conditions: c, Never: f.Expires == ""}
		u.ExpiresAt, _ = parseTime(f.Expires)
		return v.API.UpdatePolicy(v.R.Context(), f.ID, f.Policy.ID, u)
	}, "The policy is changed. It holds from now on.")
}

// savePolicy shows what a policy opens, and stores it once that was seen.
func savePolicy(v *frame.Visit, save func(*policyForm, *client.Conditions) (*client.Policy, error), done string) error {
	if v.Form("seen") != "" && v.Person() {
		return nil
	}
	f, err := policyFormOf(v)
	if err != nil {
		return err
	}
	f.Permissions, f.Expires, f.Terms = nil, v.Form("expires"), termsIn(v)
	for _, p := range []string{"read", "use", "write", "delete"} {
		if v.Form(p) != "" {
			f.Permissions = append(f.Permissions, p)
		}
	}
	if f.Policy == nil {
		f.Who, f.Pattern = v.Form("who"), v.Form("pattern")
	}
	for _, c := range slices.Concat(f.Agents, f.People) {
		if c.Value == f.Who {
			f.Name = c.Text
		}
	}
	conditions, problem := conditions(v, &f)
	if problem != "" {
		f.Problem = problem
		return showPolicy(v, http.StatusUnprocessableEntity, f)
	}
	if v.Form("back") != "" {
		return showPolicy(v, http.StatusOK, f)
	}
	if v.Form("seen") == "" {
		f.Opens, err = opens(v, &f)
	} else {
		var saved *client.Policy
		if saved, err = save(&f, conditions); err == nil {
			return warned(v, "/vaults/"+f.ID+"/policies", done, saved.Warnings...)
		}
	}
	status := http.StatusOK
	if frame.Retry(err) {
		status, f.Problem = v.Describe(err)
	} else if err != nil {
		return err
	}
	return showPolicy(v, status, f)
}

// conditions are those of a form, or what is wrong with it.
func conditions(v *frame.Visit, f *policyForm) (c *client.Conditions, problem string) {
	switch _, ok := parseTime(f.Expires); {
	case f.Who == "":
		return nil, v.T("Choose who the policy is for.")
	case f.Pattern == "":
		return nil, v.T("Write which paths it is for, such as prod/** or api-keys/stripe.")
	case len(f.Permissions) == 0:
		return nil, v.T("Choose what is allowed.")
	case !ok:
		return nil, v.T("The end is a date and a time, such as 2030-01-31T18:00.")
	}
	return f.Terms.conditions(), ""
}

func askDeletePolicy(v *frame.Visit) error { return showDeletePolicy(v, http.StatusOK, "") }

func showDeletePolicy(v *frame.Visit, status int, problem string) error {
	f, err := policyFormOf(v)
	if err != nil {
		return err
	}
	d := destruction{
		Name: f.Pattern, Problem: problem, Readers: []string{f.Name}, Back: "/vaults/" + f.ID + "/policies", Button: v.T("Delete the policy"),
		Text: v.T("It no longer lets %s do this: %s. Another policy may still.", f.Name, strings.Join(f.Policy.Permissions, ", ")),
	}
	return v.Show(status, "destroy", v.T("Delete the policy for %s?", f.Pattern), d)
}

func deletePolicy(v *frame.Visit) error {
	p, err := policyOf(v, v.R.PathValue("policy"))
	if err != nil {
		return err
	}
	if !typed(v, p.SecretPathPattern) {
		return showDeletePolicy(v, http.StatusUnprocessableEntity, v.T("The name that you typed is another one."))
	}
	if err := v.API.DeletePolicy(v.R.Context(), p.VaultID, p.ID); err != nil {
		return err
	}
	return v.Back("/vaults/"+p.VaultID+"/policies", "The policy is deleted. What it allowed ends at once.")
}

// uses is how often, as a form has it.
func uses(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
