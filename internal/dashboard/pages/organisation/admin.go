package organisation

import (
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// adminPages are for who runs the server: the API refuses others.
var adminPages = map[string]frame.Page{
	"GET /admin":                     admin,
	"GET /admin/{$}":                 func(v *frame.Visit) error { return v.Redirect("/admin") },
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

func admin(v *frame.Visit) error { return showAdmin(v, http.StatusOK, adminView{}) }

func showAdmin(v *frame.Visit, status int, d adminView) error {
	offset := int(frame.Number(v.Query("offset")))
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.Accounts, d.Total, err = v.API.Accounts(ctx, accountsPage, offset); return err })
	g.Go(func() (err error) { d.Settings, err = v.API.Settings(ctx); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	if next := offset + len(d.Accounts); len(d.Accounts) > 0 && int64(next) < d.Total {
		d.Next = "/admin?offset=" + strconv.Itoa(next)
	}
	return v.Show(status, "admin", v.T("This server"), d)
}

func putSetting(v *frame.Visit) error {
	d := adminView{Key: v.Form("key"), Value: v.Form("setting")}
	_, err := v.API.PutSetting(v.R.Context(), d.Key, d.Value)
	if frame.Retry(err) {
		var status int
		status, d.Problem = v.Describe(err)
		return showAdmin(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/admin", "The setting counts from now on.")
}

func deleteSetting(v *frame.Visit) error {
	if err := v.API.DeleteSetting(v.R.Context(), v.Form("setting_key")); err != nil {
		return err
	}
	return v.Back("/admin", "The setting is as it was made.")
}

// adminOrgView is what a server gives an organisation.
type adminOrgView struct {
	Org     string
	Limits  *client.OrgLimits
	Free    string // requests a month, empty: the tier's
	Problem string
}

func adminOrg(v *frame.Visit) error { return showAdminOrg(v, http.StatusOK, "") }

func showAdminOrg(v *frame.Visit, status int, problem string) (err error) {
	d := adminOrgView{Org: v.R.PathValue("org"), Problem: problem}
	if d.Limits, err = v.API.OrgLimits(v.R.Context(), d.Org); err != nil {
		return err
	}
	if d.Limits.FreeTierOverride != nil {
		d.Free = strconv.FormatInt(*d.Limits.FreeTierOverride, 10)
	}
	return v.Show(status, "admin-org", v.T("An organisation"), d)
}

// answered answers a form of an organisation's page.
func answered(v *frame.Visit, err error, done string) error {
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		return showAdminOrg(v, status, problem)
	}
	if err != nil {
		return err
	}
	return v.Back("/admin/orgs/"+url.PathEscape(v.R.PathValue("org")), done)
}

func setTier(v *frame.Visit) error {
	_, err := v.API.SetTier(v.R.Context(), v.R.PathValue("org"), v.Form("tier"), int(frame.Number(v.Form("days"))))
	return answered(v, err, "The tier counts from now on.")
}

func grantCredits(v *frame.Visit) error {
	_, err := v.API.GrantCredits(v.R.Context(), v.R.PathValue("org"), client.CreditGrant{
		AmountCents: frame.Number(v.Form("cents")), Description: v.Form("description"), Days: int(frame.Number(v.Form("days"))),
	})
	return answered(v, err, "The credit is given.")
}

func setOrgLimits(v *frame.Visit) error {
	sponsored := v.Form("sponsored") == "yes"
	var free *int64
	if text := v.Form("free"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return showAdminOrg(v, http.StatusBadRequest, v.T("Give the number of requests as a whole number, or leave it empty."))
		}
		free = &n
	}
	_, err := v.API.SetOrgLimits(v.R.Context(), v.R.PathValue("org"), free, &sponsored)
	return answered(v, err, "The limits count from now on.")
}
