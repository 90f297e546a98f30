package organisation

import (
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var organisationPages = map[string]frame.Page{
	"GET /organisation":                          organisation,
	"POST /organisation/invite":                  invite,
	"POST /organisation/invitations/{id}/resend": resendInvitation,
	"POST /organisation/invitations/{id}/revoke": revokeInvitation,
	"POST /organisation/members/{id}/role":       changeRole,
	"GET /organisation/members/{id}/remove":      memberLeaves,
	"POST /organisation/members/{id}/remove":     removeMember,
	"GET /organisation/networks":                 networks,
	"POST /organisation/networks":                addNetwork,
	"POST /organisation/networks/{id}/delete":    removeNetwork,
	"POST /organisation/switch":                  switchOrganisation,
}

// organisationView is the page of members.
type organisationView struct {
	Members     []client.Member
	Invitations []client.Invitation
	Orgs        []client.Org
	Me          string
	Problem     string
	Email, Role string
}

func organisation(v *frame.Visit) error {
	return showOrganisation(v, http.StatusOK, organisationView{Role: "member"})
}

func showOrganisation(v *frame.Visit, status int, d organisationView) error {
	d.Me = v.Login.User
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.Members, err = v.API.Members(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Invitations, err = v.API.Invitations(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Orgs, err = v.API.Orgs(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	return v.Show(status, "organisation", v.T("Organisation"), d)
}

func invite(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	d := organisationView{Email: v.Form("email"), Role: v.Form("role")}
	err := v.API.Invite(v.R.Context(), d.Email, d.Role)
	if frame.Retry(err) {
		var status int
		status, d.Problem = v.Describe(err)
		return showOrganisation(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/organisation", "The invitation is on its way.")
}

func resendInvitation(v *frame.Visit) error {
	if err := v.API.ResendInvitation(v.R.Context(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Back("/organisation", "The invitation is on its way.")
}

func revokeInvitation(v *frame.Visit) error {
	if err := v.API.RevokeInvitation(v.R.Context(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Back("/organisation", "The invitation is taken back.")
}

func changeRole(v *frame.Visit) error {
	_, err := v.API.UpdateMemberRole(v.R.Context(), v.R.PathValue("id"), v.Form("role"))
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		return showOrganisation(v, status, organisationView{Problem: problem, Role: "member"})
	}
	if err != nil {
		return err
	}
	return v.Back("/organisation", "The role is changed.")
}

// leaves is the page that asks before somebody is removed.
type leaves struct {
	Member  client.Member
	Problem string
}

// memberOf finds somebody of the organisation.
func memberOf(v *frame.Visit) (client.Member, error) {
	list, err := v.API.Members(v.R.Context())
	if err != nil {
		return client.Member{}, err
	}
	for _, m := range list {
		if m.ID == v.R.PathValue("id") {
			return m, nil
		}
	}
	return client.Member{}, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.T("There is no such member.")}
}

func memberLeaves(v *frame.Visit) error {
	m, err := memberOf(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "member-remove", v.T("Remove %s", m.Email), leaves{Member: m})
}

func removeMember(v *frame.Visit) error {
	m, err := memberOf(v)
	if err != nil {
		return err
	}
	if v.Form("name") != m.Email {
		return v.Show(http.StatusBadRequest, "member-remove", v.T("Remove %s", m.Email), leaves{m, v.T("That is not the address.")})
	}
	if err := v.API.RemoveMember(v.R.Context(), m.ID); err != nil {
		return err
	}
	return v.Back("/organisation", "The member is removed, and what its credentials opened is closed.")
}

// networksView is the page of the networks that are let in or kept out.
type networksView struct {
	Rules                      []client.IPRule
	Problem                    string
	Out                        bool // it would keep out who asks
	Type, CIDR, Label, Applies string
}

func networks(v *frame.Visit) error {
	return showNetworks(v, http.StatusOK, networksView{Type: "allow", Applies: "all"})
}

func showNetworks(v *frame.Visit, status int, d networksView) (err error) {
	if d.Rules, err = v.API.IPRules(v.R.Context()); err != nil {
		return err
	}
	return v.Show(status, "networks", v.T("Networks"), d)
}

func addNetwork(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	d := networksView{Type: v.Form("type"), CIDR: v.Form("cidr"), Label: v.Form("label"), Applies: v.Form("applies")}
	_, err := v.API.CreateIPRule(v.R.Context(), client.IPRuleCreate{RuleType: d.Type, CIDR: d.CIDR, Label: d.Label, AppliesTo: d.Applies, Force: v.Form("force") == "yes"})
	if frame.Retry(err) {
		var status int
		status, d.Problem = v.Describe(err)
		d.Out = client.IsStatus(err, http.StatusConflict)
		return showNetworks(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/organisation/networks", "The rule counts from now on.")
}

func removeNetwork(v *frame.Visit) error {
	err := v.API.DeleteIPRule(v.R.Context(), v.R.PathValue("id"), v.Form("force") == "yes")
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		return showNetworks(v, status, networksView{Problem: problem, Type: "allow", Applies: "all"})
	}
	if err != nil {
		return err
	}
	return v.Back("/organisation/networks", "The rule is gone.")
}

// switchOrganisation goes on in another organisation of the person.
func switchOrganisation(v *frame.Visit) error {
	there, err := v.API.SwitchOrg(v.R.Context(), v.Form("org"))
	if err != nil {
		return err
	}
	if err := v.Moved(string(there.AccessToken.Reveal())); err != nil {
		return err
	}
	return v.Back("/", "You are in another organisation now.")
}
