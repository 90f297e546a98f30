package signedin

import (
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var organisationPages = map[string]page{
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

func organisation(v *visit) error {
	return v.organisation(http.StatusOK, organisationView{Role: "member"})
}

func (v *visit) organisation(status int, d organisationView) error {
	d.Me = v.login.User
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.Members, err = v.api.Members(ctx); return seen(err) })
	g.Go(func() (err error) { d.Invitations, err = v.api.Invitations(ctx); return seen(err) })
	g.Go(func() (err error) { d.Orgs, err = v.api.Orgs(ctx); return seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	return v.show(status, "organisation", v.t("Organisation"), d)
}

func invite(v *visit) error {
	if v.person() {
		return nil
	}
	d := organisationView{Email: v.form("email"), Role: v.form("role")}
	err := v.api.Invite(v.r.Context(), d.Email, d.Role)
	if retry(err) {
		var status int
		status, d.Problem = describe(v, err)
		return v.organisation(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/organisation", "The invitation is on its way.")
}

func resendInvitation(v *visit) error {
	if err := v.api.ResendInvitation(v.r.Context(), v.r.PathValue("id")); err != nil {
		return err
	}
	return v.back("/organisation", "The invitation is on its way.")
}

func revokeInvitation(v *visit) error {
	if err := v.api.RevokeInvitation(v.r.Context(), v.r.PathValue("id")); err != nil {
		return err
	}
	return v.back("/organisation", "The invitation is taken back.")
}

func changeRole(v *visit) error {
	_, err := v.api.UpdateMemberRole(v.r.Context(), v.r.PathValue("id"), v.form("role"))
	if retry(err) {
		status, problem := describe(v, err)
		return v.organisation(status, organisationView{Problem: problem, Role: "member"})
	}
	if err != nil {
		return err
	}
	return v.back("/organisation", "The role is changed.")
}

// leaves is the page that asks before somebody is removed.
type leaves struct {
	Member  client.Member
	Problem string
}

// member finds somebody of the organisation.
func (v *visit) member() (client.Member, error) {
	list, err := v.api.Members(v.r.Context())
	if err != nil {
		return client.Member{}, err
	}
	for _, m := range list {
		if m.ID == v.r.PathValue("id") {
			return m, nil
		}
	}
	return client.Member{}, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.t("There is no such member.")}
}

func memberLeaves(v *visit) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "member-remove", v.t("Remove %s", m.Email), leaves{Member: m})
}

func removeMember(v *visit) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	if v.form("name") != m.Email {
		return v.show(http.StatusBadRequest, "member-remove", v.t("Remove %s", m.Email), leaves{m, v.t("That is not the address.")})
	}
	if err := v.api.RemoveMember(v.r.Context(), m.ID); err != nil {
		return err
	}
	return v.back("/organisation", "The member is removed, and what its credentials opened is closed.")
}

// networksView is the page of the networks that are let in or kept out.
type networksView struct {
	Rules                      []client.IPRule
	Problem                    string
	Out                        bool // it would keep out who asks
	Type, CIDR, Label, Applies string
}

func networks(v *visit) error {
	return v.networks(http.StatusOK, networksView{Type: "allow", Applies: "all"})
}

func (v *visit) networks(status int, d networksView) (err error) {
	if d.Rules, err = v.api.IPRules(v.r.Context()); err != nil {
		return err
	}
	return v.show(status, "networks", v.t("Networks"), d)
}

func addNetwork(v *visit) error {
	if v.person() {
		return nil
	}
	d := networksView{Type: v.form("type"), CIDR: v.form("cidr"), Label: v.form("label"), Applies: v.form("applies")}
	_, err := v.api.CreateIPRule(v.r.Context(), client.IPRuleCreate{RuleType: d.Type, CIDR: d.CIDR, Label: d.Label, AppliesTo: d.Applies, Force: v.form("force") == "yes"})
	if retry(err) {
		var status int
		status, d.Problem = describe(v, err)
		d.Out = client.IsStatus(err, http.StatusConflict)
		return v.networks(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/organisation/networks", "The rule counts from now on.")
}

func removeNetwork(v *visit) error {
	err := v.api.DeleteIPRule(v.r.Context(), v.r.PathValue("id"), v.form("force") == "yes")
	if retry(err) {
		status, problem := describe(v, err)
		return v.networks(status, networksView{Problem: problem, Type: "allow", Applies: "all"})
	}
	if err != nil {
		return err
	}
	return v.back("/organisation/networks", "The rule is gone.")
}

// switchOrganisation goes on in another organisation of the person.
func switchOrganisation(v *visit) error {
	ctx := v.r.Context()
	there, err := v.api.SwitchOrg(ctx, v.form("org"))
	if err != nil {
		return err
	}
	cookie, err := v.Logins.Move(ctx, v.cookie, string(there.AccessToken.Reveal()), v.Now())
	if err != nil {
		return err
	}
	defer cookie.Wipe()
	v.keep(string(cookie.Reveal()))
	return v.back("/", "You are in another organisation now.")
}
