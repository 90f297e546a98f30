package vaults_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func TestAVaultIsMadeOnAPageAndListedWithItsNameEscaped(t *testing.T) {
	p := pages.Open(t).Person("ann")
	const name = `<script>alert("1")</script>&'`
	status, to, body := p.Post("/vaults", url.Values{"name": {"atlas"}, "description": {name}})
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/vaults/") {
		t.Fatalf("make a vault: %d %q\n%s", status, to, body)
	}
	status, body = p.Get("/vaults")
	if status != http.StatusOK || !strings.Contains(body, "atlas") || strings.Contains(body, "<script>alert") {
		t.Errorf("the list: %d\n%s", status, body)
	}
	all, err := p.Client().Vaults(t.Context())
	if err != nil || len(all) != 1 || all[0].Description != name {
		t.Errorf("the API says %+v, %v", all, err)
	}
	if status, body := p.Server.Person("eve").Get("/vaults"); status != http.StatusOK || strings.Contains(body, "atlas") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAMemberSeesTheOrganisationThatItSignedInTo(t *testing.T) {
	p := pages.Open(t).Person("ann")
	if _, err := p.Client().CreateVault(t.Context(), "atlas", ""); err != nil {
		t.Fatal(err)
	}
	if status, body := p.Member(p, "bob", policy.RoleAdmin).Get("/vaults"); status != http.StatusOK || !strings.Contains(body, "atlas") {
		t.Errorf("the list: %d\n%s", status, body)
	}
}

func TestAVaultGetsAnotherNameOnItsSettingsPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v, err := p.Client().CreateVault(t.Context(), "atlas", "")
	if err == nil {
		_, err = p.Client().CreateVault(t.Context(), "taken", "")
	}
	if err != nil {
		t.Fatal(err)
	}
	at := "/vaults/" + v.ID
	p.Shows(at+"/settings", "oneclaw://atlas/", `value="atlas"`)
	p.Does(at+"/rename", url.Values{"name": {"<b>maps</b>"}, "description": {"of all lands"}})
	body := p.Shows(at+"/settings", "&lt;b&gt;maps&lt;/b&gt;", "of all lands")
	if strings.Contains(body, "<b>maps") {
		t.Errorf("the name is markup:\n%s", body)
	}
	if now, err := p.Client().Vault(t.Context(), v.ID); err != nil || now.Name != "<b>maps</b>" || now.Description != "of all lands" {
		t.Errorf("the API says %+v, %v", now, err)
	}
	// A name that is taken comes back with what was filled in.
	status, _, body := p.Post(at+"/rename", url.Values{"name": {"taken"}, "description": {"kept"}})
	if status != http.StatusConflict || !strings.Contains(body, `value="taken"`) || !strings.Contains(body, `value="kept"`) {
		t.Errorf("a taken name: %d\n%s", status, body)
	}
	if status, _, body := p.Server.Person("eve").Post(at+"/rename", url.Values{"name": {"mine"}}); status != http.StatusNotFound {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
	if status, _, body := p.Server.Member(p, "bob", policy.RoleMember).Post(at+"/rename", url.Values{"name": {"mine"}}); status != http.StatusForbidden {
		t.Errorf("a member: %d\n%s", status, body)
	}
}

func TestTheServersOwnVaultOffersNothingThatIsRefused(t *testing.T) {
	p := pages.Open(t).Person("ann")
	p.WithAgent(client.AgentCreate{Name: "worker"})
	all, err := p.Client().VaultsNamed(t.Context(), "__agent-keys")
	if err != nil || len(all) != 1 {
		t.Fatalf("the vaults are %+v, %v", all, err)
	}
	at := "/vaults/" + all[0].ID
	page, err := p.Client().SecretsPage(t.Context(), all[0].ID, "", 1, "")
	if err != nil || len(page.Secrets) != 1 {
		t.Fatalf("its secrets are %+v, %v", page, err)
	}
	secret := at + "/secret/" + page.Secrets[0].Path
	for _, path := range []string{at, at + "/settings", secret, secret + "?tab=use", secret + "?tab=reach", secret + "?tab=events"} {
		body := p.Shows(path, "own")
		for _, part := range []string{"/who-can", "/policies", "/environment", "/secrets/new", "tab=use", "tab=reach", "/version/", "/share/", "/remove/", "/purge/", "/generate/", "/rename", "/delete"} {
			if strings.Contains(body, `href="`+at+part) || strings.Contains(body, `action="`+at+part) || strings.Contains(body, `href="`+secret+"?"+part) {
				t.Errorf("%s leads to %s", path, part)
			}
		}
	}
}

func TestASearchFindsATextAnywhereInThePaths(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v, err := p.Client().CreateVault(t.Context(), "atlas", "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		if _, err := p.Client().PutSecret(t.Context(), v.ID, fmt.Sprintf("k%03d/%s", i, []string{"Stripe", "db"}[i%8/7]), client.ValueOf("x"), client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	at := "/vaults/" + v.ID
	body := p.Shows(at+"?q=sTRIPE", "More than 100 match", "q=sTRIPE")
	if strings.Contains(body, "/db\"") || strings.Count(body, "/Stripe\"") != 100 {
		t.Errorf("the first page has %d\n", strings.Count(body, "/Stripe\""))
	}
	if body := p.Shows(at+"?q=sTRIPE&page=2", "Matching secrets: 105"); strings.Count(body, "/Stripe\"") != 5 {
		t.Errorf("the second page has %d", strings.Count(body, "/Stripe\""))
	}
	p.Shows(at+"?q=nowhere", "No secret that you may see")
	p.Shows(at+"?q=sTRIPE&page=99999999", "No secret that you may see")
	p.Shows("/search?q=/db", "Found: 15", "k007/db")
	p.Shows("/search?q=stripe", "Found: 20", "There is more")
	if body := p.Server.Person("eve").Shows("/search?q=stripe", "Found: 0"); strings.Contains(body, "k000") {
		t.Error("another organisation finds it")
	}
}
