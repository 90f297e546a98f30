package signedin

import (
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// adminPages are for who runs the server: the API refuses others.
var adminPages = map[string]page{
	"GET /admin":                     admin,
	"GET /admin/{$}":                 func(v *visit) error { return v.redirect("/admin") },
	"POST /admin/settings":           putSetting,
	"POST /admin/settings/delete":    deleteSetting,
	"GET /admin/orgs/{org}":          adminOrg,
	"POST /admin/orgs/{org}/tier":    setTier,
	"POST /admin/orgs/{org}/credits": grantCredits,
	"POST /admin/orgs/{org}/limits":  setOrgLimits,
}

// accountsPage is how many accounts a page has.
const accountsPage = 100

// adminView is what a server has for all its organisations.
type adminView struct {
	Accounts   []client.Account
	Total      int64
	Next       string // the address of the next page
	Settings   []client.Setting
	Key, Value string
	Problem    string
}

func admin(v *visit) error { return v.admin(http.StatusOK, adminView{}) }

func (v *visit) admin(status int, d adminView) error {
	offset := int(number(v.query("offset")))
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.Accounts, d.Total, err = v.api.Accounts(ctx, accountsPage, offset); return err })
	g.Go(func() (err error) { d.Settings, err = v.api.Settings(ctx); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	if next := offset + len(d.Accounts); len(d.Accounts) > 0 && int64(next) < d.Total {
		d.Next = "/admin?offset=" + strconv.Itoa(next)
	}
	return v.show(status, "admin", v.t("This server"), d)
}

func putSetting(v *visit) error {
	d := adminView{Key: v.form("key"), Value: v.form("setting")}
	_, err := v.api.PutSetting(v.r.Context(), d.Key, d.Value)
	if retry(err) {
		var status int
		status, d.Problem = describe(v, err)
		return v.admin(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/admin", "The setting counts from now on.")
}

func deleteSetting(v *visit) error {
	if err := v.api.DeleteSetting(v.r.Context(), v.form("setting_key")); err != nil {
		return err
	}
	return v.back("/admin", "The setting is as it was made.")
}

// adminOrgView is what a server gives an organisation.
type adminOrgView struct {
	Org     string
	Limits  *client.OrgLimits
	Free    string // requests a month, empty: the tier's
	Problem string
}

func adminOrg(v *visit) error { return v.adminOrg(http.StatusOK, "") }

func (v *visit) adminOrg(status int, problem string) (err error) {
	d := adminOrgView{Org: v.r.PathValue("org"), Problem: problem}
	if d.Limits, err = v.api.OrgLimits(v.r.Context(), d.Org); err != nil {
		return err
	}
	if d.Limits.FreeTierOverride != nil {
		d.Free = strconv.FormatInt(*d.Limits.FreeTierOverride, 10)
	}
	return v.show(status, "admin-org", v.t("An organisation"), d)
}

// answered answers a form of an organisation's page.
func (v *visit) answered(err error, done string) error {
	if retry(err) {
		status, problem := describe(v, err)
		return v.adminOrg(status, problem)
	}
	if err != nil {
		return err
	}
	return v.back("/admin/orgs/"+url.PathEscape(v.r.PathValue("org")), done)
}

func setTier(v *visit) error {
	_, err := v.api.SetTier(v.r.Context(), v.r.PathValue("org"), v.form("tier"), int(number(v.form("days"))))
	return v.answered(err, "The tier counts from now on.")
}

func grantCredits(v *visit) error {
	_, err := v.api.GrantCredits(v.r.Context(), v.r.PathValue("org"), client.CreditGrant{
		AmountCents: number(v.form("cents")), Description: v.form("description"), Days: int(number(v.form("days"))),
	})
	return v.answered(err, "The credit is given.")
}

func setOrgLimits(v *visit) error {
	sponsored := v.form("sponsored") == "yes"
	var free *int64
	if text := v.form("free"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return v.adminOrg(http.StatusBadRequest, v.t("Give the number of requests as a whole number, or leave it empty."))
		}
		free = &n
	}
	_, err := v.api.SetOrgLimits(v.r.Context(), v.r.PathValue("org"), free, &sponsored)
	return v.answered(err, "The limits count from now on.")
}
