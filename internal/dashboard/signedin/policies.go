package signedin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var policyPages = map[string]page{
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
func policies(v *visit) error {
	d := struct {
		vaultHead
		Rows []policyRow
	}{}
	var all []client.Policy
	var n names
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.vaultHead, err = v.head("policies"); return err })
	g.Go(func() (err error) { all, err = v.api.Policies(ctx, v.r.PathValue("vault")); return err })
	g.Go(func() (err error) { n, err = v.names(ctx); return err })
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
	return v.show(http.StatusOK, "policies", d.Name, d)
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
	Agents, People []choice
}

// choice is one of a list.
type choice struct{ Value, Text string }

// To is where the form goes.
func (f policyForm) To() string {
	if f.Policy != nil {
		return "/vaults/" + f.ID + "/policies/" + f.Policy.ID
	}
	return "/vaults/" + f.ID + "/policies/new"
}

// Allows reports whether a permission is chosen.
func (f policyForm) Allows(permission string) bool { return slices.Contains(f.Permissions, permission) }

func newPolicy(v *visit) error {
	f, err := v.policyForm()
	if err != nil {
		return err
	}
	f.Pattern, f.Who = v.query("pattern"), v.query("who")
	f.Permissions = []string{"use"}
	return v.showPolicy(http.StatusOK, f)
}

func editPolicy(v *visit) error {
	f, err := v.policyForm()
	if err != nil {
		return err
	}
	f.Permissions, f.Terms = f.Policy.Permissions, termsOf(f.Policy)
	if f.Policy.ExpiresAt != nil {
		f.Expires = f.Policy.ExpiresAt.UTC().Format(formTime)
	}
	return v.showPolicy(http.StatusOK, f)
}

// policyForm is the form of the policy that the address names, or of a new one, with who
// can be chosen.
func (v *visit) policyForm() (policyForm, error) {
	var f policyForm
	var n names
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { f.vaultHead, err = v.head("policies"); return err })
	g.Go(func() (err error) { n, err = v.names(ctx); return err })
	if id := v.r.PathValue("policy"); id != "" {
		g.Go(func() (err error) { f.Policy, err = v.policy(id); return err })
	}
	if err := g.Wait(); err != nil {
		return f, err
	}
	for i := range n.agents {
		f.Agents = append(f.Agents, choice{"agent:" + n.agents[i].ID, n.agents[i].Name})
	}
	for _, m := range n.members {
		f.People = append(f.People, choice{"user:" + m.ID, m.Email})
	}
	if p := f.Policy; p != nil {
		f.Who, f.Name, f.Pattern = p.PrincipalType+":"+p.PrincipalID, n.of(p.PrincipalType, p.PrincipalID), p.SecretPathPattern
	}
	return f, nil
}

// policy finds one of the vault by its id.
func (v *visit) policy(id string) (*client.Policy, error) {
	all, err := v.api.Policies(v.r.Context(), v.r.PathValue("vault"))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(p client.Policy) bool { return p.ID == id })
	if i < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "policy_not_found", Detail: v.t("There is no such policy, or it is not yours to see.")}
	}
	return &all[i], nil
}

func (v *visit) showPolicy(status int, f policyForm) error {
	title := v.t("New policy")
	if f.Policy != nil {
		title = v.t("Change a policy")
	}
	return v.show(status, "policy", title, f)
}

func makePolicy(v *visit) error {
	return v.savePolicy(func(f *policyForm, c *client.Conditions) (*client.Policy, error) {
		kind, id, _ := strings.Cut(f.Who, ":")
		g := client.PolicyGrant{SecretPathPattern: f.Pattern, PrincipalType: kind, PrincipalID: id, Permissions: f.Permissions, Conditions: c}
		g.ExpiresAt, _ = parseTime(f.Expires)
		return v.api.CreatePolicy(v.r.Context(), f.ID, g)
	}, "The policy is stored. It holds from now on.")
}

func changePolicy(v *visit) error {
	return v.savePolicy(func(f *policyForm, c *client.Conditions) (*client.Policy, error) {
		u := client.PolicyUpdate{Permissions: f.Permissions, Conditions: c, Never: f.Expires == ""}
		u.ExpiresAt, _ = parseTime(f.Expires)
		return v.api.UpdatePolicy(v.r.Context(), f.ID, f.Policy.ID, u)
	}, "The policy is changed. It holds from now on.")
}

// savePolicy shows what a policy opens, and stores it once that was seen.
func (v *visit) savePolicy(save func(*policyForm, *client.Conditions) (*client.Policy, error), done string) error {
	if v.form("seen") != "" && v.person() {
		return nil
	}
	f, err := v.policyForm()
	if err != nil {
		return err
	}
	f.Permissions, f.Expires, f.Terms = nil, v.form("expires"), v.terms()
	for _, p := range []string{"read", "use", "write", "delete"} {
		if v.form(p) != "" {
			f.Permissions = append(f.Permissions, p)
		}
	}
	if f.Policy == nil {
		f.Who, f.Pattern = v.form("who"), v.form("pattern")
	}
	for _, c := range slices.Concat(f.Agents, f.People) {
		if c.Value == f.Who {
			f.Name = c.Text
		}
	}
	conditions, problem := v.conditions(&f)
	if problem != "" {
		f.Problem = problem
		return v.showPolicy(http.StatusUnprocessableEntity, f)
	}
	if v.form("back") != "" {
		return v.showPolicy(http.StatusOK, f)
	}
	if v.form("seen") == "" {
		f.Opens, err = v.opens(&f)
	} else {
		var saved *client.Policy
		if saved, err = save(&f, conditions); err == nil {
			return v.warned("/vaults/"+f.ID+"/policies", done, saved.Warnings...)
		}
	}
	status := http.StatusOK
	if retry(err) {
		status, f.Problem = describe(v, err)
	} else if err != nil {
		return err
	}
	return v.showPolicy(status, f)
}

// conditions are those of a form, or what is wrong with it.
func (v *visit) conditions(f *policyForm) (c *client.Conditions, problem string) {
	switch _, ok := parseTime(f.Expires); {
	case f.Who == "":
		return nil, v.t("Choose who the policy is for.")
	case f.Pattern == "":
		return nil, v.t("Write which paths it is for, such as prod/** or api-keys/stripe.")
	case len(f.Permissions) == 0:
		return nil, v.t("Choose what is allowed.")
	case !ok:
		return nil, v.t("The end is a date and a time, such as 2030-01-31T18:00.")
	}
	return f.Terms.conditions(), ""
}

func askDeletePolicy(v *visit) error { return v.askDeletePolicy(http.StatusOK, "") }

func (v *visit) askDeletePolicy(status int, problem string) error {
	f, err := v.policyForm()
	if err != nil {
		return err
	}
	d := destruction{
		Name: f.Pattern, Problem: problem, Readers: []string{f.Name}, Back: "/vaults/" + f.ID + "/policies", Button: v.t("Delete the policy"),
		Text: v.t("It no longer lets %s do this: %s. Another policy may still.", f.Name, strings.Join(f.Policy.Permissions, ", ")),
	}
	return v.show(status, "destroy", v.t("Delete the policy for %s?", f.Pattern), d)
}

func deletePolicy(v *visit) error {
	p, err := v.policy(v.r.PathValue("policy"))
	if err != nil {
		return err
	}
	if !v.typed(p.SecretPathPattern) {
		return v.askDeletePolicy(http.StatusUnprocessableEntity, v.t("The name that you typed is another one."))
	}
	if err := v.api.DeletePolicy(v.r.Context(), p.VaultID, p.ID); err != nil {
		return err
	}
	return v.back("/vaults/"+p.VaultID+"/policies", "The policy is deleted. What it allowed ends at once.")
}

// uses is how often, as a form has it.
func uses(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
