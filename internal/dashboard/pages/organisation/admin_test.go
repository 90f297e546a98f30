package organisation_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func TestWhoRunsTheServerSetsItAndGivesOrganisationsWhatTheyGet(t *testing.T) {
	p := pages.Open(t).Person("ann")
	eve := p.Server.Person("eve")
	p.Exec(`UPDATE users SET platform_admin = ? WHERE id = ?`, true, p.User.ID)
	p.SignIn()
	if status, body := p.Get("/settings"); status != http.StatusOK || !strings.Contains(body, `href="/admin"`) {
		t.Errorf("the way there: %d", status)
	}
	status, body := p.Get("/admin")
	if status != http.StatusOK || !strings.Contains(body, "eve") || !strings.Contains(body, "/admin/orgs/"+eve.User.Org) {
		t.Fatalf("the page: %d\n%s", status, body)
	}
	set := func(path string, form url.Values) {
		t.Helper()
		if status, _, body := p.Post(path, form); status != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	at := "/admin/orgs/" + eve.User.Org
	set("/admin/settings", url.Values{"key": {"billing.default_tier"}, "setting": {"business"}})
	set(at+"/tier", url.Values{"tier": {"pro"}, "days": {"30"}})
	set(at+"/credits", url.Values{"cents": {"1234"}, "description": {"for the trial"}, "days": {"30"}})
	set(at+"/limits", url.Values{"free": {"77"}, "sponsored": {"yes"}})
	if all, err := p.Client().Settings(t.Context()); err != nil || len(all) != 1 || all[0].Value != "business" {
		t.Errorf("settings %+v, %v", all, err)
	}
	if l, err := p.Client().OrgLimits(t.Context(), eve.User.Org); err != nil || l.FreeTierOverride == nil || *l.FreeTierOverride != 77 || !l.IsSponsored {
		t.Errorf("limits %+v, %v", l, err)
	}
	if s, err := eve.Client().Subscription(t.Context()); err != nil || s.Tier != "pro" {
		t.Errorf("subscription %+v, %v", s, err)
	}
	if b, err := eve.Client().CreditBalance(t.Context()); err != nil || b.BalanceCents != 1234 {
		t.Errorf("credit %+v, %v", b, err)
	}
	set("/admin/settings/delete", url.Values{"setting_key": {"billing.default_tier"}})
	if status, _, body := p.Post(at+"/limits", url.Values{"free": {"many"}}); status != http.StatusBadRequest || !strings.Contains(body, "whole number") {
		t.Errorf("a limit that is not a number: %d", status)
	}
	if status, _, body := p.Post("/admin/settings", url.Values{"key": {"billing.default_tier"}, "setting": {"gold"}}); status != http.StatusBadRequest || !strings.Contains(body, `value="gold"`) {
		t.Errorf("a value that the setting does not take: %d\n%s", status, body)
	}
}

func TestThePagesOfTheServerAreForWhoRunsIt(t *testing.T) {
	p := pages.Open(t).Person("ann")
	eve := p.Server.Person("eve")
	for _, path := range []string{"/admin", "/admin/orgs/" + eve.User.Org} {
		if status, body := p.Get(path); status != http.StatusForbidden || strings.Contains(body, "eve") {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	if status, body := p.Get("/settings"); status != http.StatusOK || strings.Contains(body, `href="/admin"`) {
		t.Errorf("the way there: %d", status)
	}
	for path, form := range map[string]url.Values{
		"/admin/settings":                     {"key": {"billing.default_tier"}, "setting": {"free"}},
		"/admin/orgs/" + p.User.Org + "/tier": {"tier": {"enterprise"}},
	} {
		if status, _, _ := p.Post(path, form); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
}
