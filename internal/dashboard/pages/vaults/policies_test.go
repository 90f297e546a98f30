package vaults_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestAPolicySaysWhatItOpensBeforeItIsStored(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	put(t, p, v.ID, "other/thing", client.PutOptions{})
	bot, err := p.Client().CreateAgent(t.Context(), client.AgentCreate{Name: "builder"})
	if err != nil {
		t.Fatal(err)
	}
	base := "/vaults/" + v.ID + "/policies"
	p.Shows(base+"/new?pattern=api-keys/stripe", `value="api-keys/stripe"`, `<option value="agent:`+bot.Agent.ID+`">builder</option>`)
	form := url.Values{
		"who": {"agent:" + bot.Agent.ID}, "pattern": {"api-keys/**"}, "use": {"yes"}, "expires": {"2095-01-31T18:00"}, "nets": {"10.0.0.0/8\r\n192.0.2.7"},
		"after": {"08:00"}, "before": {"18:00"}, "timezone": {"Europe/Berlin"}, "approval": {"yes"}, "minutes": {"7.5"}, "max_uses": {"3"},
	}
	status, _, body := p.Post(base+"/new", form)
	if status != http.StatusOK || !strings.Contains(body, "Secrets that match now: 1") || !strings.Contains(body, "+ use") || strings.Contains(body, "+ read") || strings.Contains(body, "other/thing") {
		t.Errorf("what it opens: %d\n%s", status, body)
	}
	if all := policiesOf(t, p, v.ID); len(all) != 0 {
		t.Fatalf("it is stored already: %+v", all)
	}
	// What is stored is what was seen: the page has it in fields that nobody fills in.
	for name, values := range form {
		if !strings.Contains(body, `<input type="hidden" name="`+name+`" value="`+values[0]+`">`) && name != "nets" {
			t.Errorf("the page lacks %s\n%s", name, body)
		}
	}
	if strings.Contains(body, `type="checkbox"`) {
		t.Errorf("the page has fields to fill in\n%s", body)
	}
	form.Set("back", "yes")
	if status, _, body := p.Post(base+"/new", form); status != http.StatusOK || !strings.Contains(body, `value="7.5"`) || !strings.Contains(body, `type="checkbox"`) {
		t.Errorf("changed first: %d\n%s", status, body)
	}
	form.Del("back")
	form.Set("seen", "yes")
	done(t, p, base+"/new", form, "builder", "api-keys/**", "10.0.0.0/8", "08:00–18:00 Europe/Berlin", "a person approves", "2095-01-31 18:00")
	all := policiesOf(t, p, v.ID)
	if len(all) != 1 || all[0].PrincipalID != bot.Agent.ID || !slices.Equal(all[0].Permissions, []string{"use"}) || all[0].ExpiresAt == nil {
		t.Fatalf("stored is %+v", all)
	}
	for _, want := range []string{`"10.0.0.0/8"`, `"192.0.2.7`, `"08:00"`, `"Europe/Berlin"`, `450`, `3`} {
		if !strings.Contains(string(all[0].Conditions), want) {
			t.Errorf("the conditions lack %s: %s", want, all[0].Conditions)
		}
	}
	one := base + "/" + all[0].ID
	p.Shows(one, `value="7.5"`, `value="2095-01-31T18:00"`, `name="use" value="yes" checked`, "192.0.2.7")
	change := url.Values{"read": {"yes"}}
	status, _, body = p.Post(one, change)
	if status != http.StatusOK || !strings.Contains(body, "+ read") {
		t.Errorf("what the change opens: %d\n%s", status, body)
	}
	change.Set("seen", "yes")
	status, to, body := p.Post(one, change) // an approval is asked for no more, which it says
	if status != http.StatusSeeOther && (status != http.StatusOK || !strings.Contains(body, "The policy is changed")) {
		t.Errorf("change: %d %s\n%s", status, to, body)
	}
	all = policiesOf(t, p, v.ID)
	if len(all) != 1 || !slices.Equal(all[0].Permissions, []string{"read"}) || all[0].ExpiresAt != nil || strings.Contains(string(all[0].Conditions), "10.0.0.0") {
		t.Fatalf("changed is %+v", all)
	}
	status, _, body = p.Post(one, url.Values{"use": {"yes"}})
	if status != http.StatusOK || !strings.Contains(body, "− read") || strings.Contains(body, "− use") {
		t.Errorf("what the next change takes: %d\n%s", status, body)
	}
	p.Shows("/vaults/"+v.ID+"/who-can?path=api-keys/stripe", "builder", "policy api-keys/**", "made the vault")
	p.Shows("/vaults/"+v.ID+"/secret/api-keys/stripe?tab=reach", "builder")
	p.Shows("/vaults/"+v.ID+"/delete", "builder (api-keys/**)")
	refused(t, p, one+"/delete", url.Values{"name": {"x"}}, "builder")
	done(t, p, one+"/delete", url.Values{"name": {"api-keys/**"}})
	if all := policiesOf(t, p, v.ID); len(all) != 0 {
		t.Errorf("it is still there: %+v", all)
	}
	if status, body := p.Get(one); status != http.StatusNotFound {
		t.Errorf("its page: %d\n%s", status, body)
	}
}

func TestAPolicyIsStoredOnceWhoMakesItHasProvedToBeThere(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	p.Server.Clock.Forward(11 * time.Minute)
	form := url.Values{"who": {"user:" + p.User.ID}, "pattern": {"api-keys/**"}, "use": {"yes"}, "write": {"yes"}}
	if status, _, body := p.Post("/vaults/"+v.ID+"/policies/new", form); status != http.StatusOK || !strings.Contains(body, "What this opens") {
		t.Fatalf("what it opens: %d\n%s", status, body)
	}
	form.Set("seen", "yes")
	status, _, body := p.Post("/vaults/"+v.ID+"/policies/new", form)
	if status != http.StatusOK || !strings.Contains(body, `action="/confirm"`) || len(policiesOf(t, p, v.ID)) != 0 {
		t.Fatalf("it is not asked: %d\n%s", status, body)
	}
	answer := url.Values{"action": {"/vaults/" + v.ID + "/policies/new"}, "to": {"/vaults/" + v.ID + "/policies"}, "email": {world.Email("ann")}, "password": {world.Password}}
	for name, values := range form {
		if !strings.Contains(body, `name="f.`+name+`" value="`+values[0]) {
			t.Errorf("the form that waits lacks %s\n%s", name, body)
		}
		answer["f."+name] = values
	}
	if status, to, body := p.Post("/confirm", answer); status != http.StatusSeeOther || to != "/vaults/"+v.ID+"/policies" {
		t.Fatalf("confirmed: %d %s\n%s", status, to, body)
	}
	if all := policiesOf(t, p, v.ID); len(all) != 1 || !slices.Equal(all[0].Permissions, []string{"use", "write"}) {
		t.Errorf("stored is %+v", all)
	}
	p.Server.Clock.Forward(11 * time.Minute)
	p.Shows("/vaults/"+v.ID+"/share/api-keys/stripe", `action="/confirm"`)
	for path, form := range map[string]url.Values{"/share/api-keys/stripe": {"kind": {"anyone_with_link"}, "passphrase": {canary}}, "/bindings/api-keys/stripe": {"hosts.0": {"api.example.com"}}} {
		if status, _, body := p.Post("/vaults/"+v.ID+path, form); status != http.StatusOK || !strings.Contains(body, `action="/confirm"`) || strings.Contains(body, canary) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	if out, err := p.Client().OutboundShares(t.Context()); err != nil || len(out) != 0 {
		t.Errorf("shared is %+v, %v", out, err)
	}
}

func policiesOf(t *testing.T, p *pages.Person, vault string) []client.Policy {
	t.Helper()
	all, err := p.Client().Policies(t.Context(), vault)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAPolicyThatIsNotUnderstoodIsShownAgain(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	who := "user:" + p.User.ID
	for name, form := range map[string]url.Values{
		"nobody":     {"pattern": {"<b>"}, "use": {"yes"}},
		"no pattern": {"who": {who}, "use": {"yes"}},
		"nothing":    {"who": {who}, "pattern": {"a/*"}},
		"pattern":    {"who": {who}, "pattern": {"a**<b>"}, "use": {"yes"}},
		"end":        {"who": {who}, "pattern": {"a/*"}, "use": {"yes"}, "expires": {"<b>"}},
		"nets":       {"who": {who}, "pattern": {"a/*"}, "use": {"yes"}, "nets": {"<b>"}, "seen": {"yes"}},
		"zone":       {"who": {who}, "pattern": {"a/*"}, "use": {"yes"}, "after": {"08:00"}, "timezone": {"<b>"}, "seen": {"yes"}},
		"somebody":   {"who": {"agent:00000000-0000-4000-8000-000000000000"}, "pattern": {"a/*"}, "use": {"yes"}, "seen": {"yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := p.Post("/vaults/"+v.ID+"/policies/new", form)
			if status < 400 || status >= 500 || strings.Contains(body, "<b>") || !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `name="pattern"`) {
				t.Errorf("%d\n%s", status, body)
			}
		})
	}
	if all := policiesOf(t, p, v.ID); len(all) != 0 {
		t.Errorf("stored is %+v", all)
	}
}

func TestWhereASecretMayBeUsedIsSetOnAPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	secret, edit := "/vaults/"+v.ID+"/secret/api-keys/stripe?tab=use", "/vaults/"+v.ID+"/bindings/api-keys/stripe"
	p.Shows(secret, "oneclaw bind --vault "+v.ID)
	p.Shows(edit+"?preset=stripe", `value="api.stripe.com files.stripe.com"`, "<option>github</option>", `name="hosts.1"`)
	done(t, p, edit, url.Values{
		"hosts.0": {"api.example.com, api.example.org:8443"}, "methods.0": {"get post"}, "paths.0": {"/v1/**"}, "in.0": {"header:X-Api-Key"},
		"hosts.1": {"gone.example.com"}, "remove.1": {"yes"}, "hosts.2": {""}, "in.2": {"bearer"},
	}, "api.example.org:8443", "GET, POST", "header:X-Api-Key", "ann@")
	got, err := p.Client().Bindings(t.Context(), v.ID, "api-keys/stripe")
	if err != nil || len(got.Bindings) != 1 || !slices.Equal(got.Bindings[0].Hosts, []string{"api.example.com", "api.example.org:8443"}) || got.Bindings[0].In != "header:X-Api-Key" {
		t.Fatalf("stored is %+v, %v", got, err)
	}
	refused(t, p, edit, url.Values{"hosts.0": {"<b>"}, "in.0": {"nowhere"}}, "&lt;b&gt;", `role="alert"`)
	done(t, p, edit, url.Values{"hosts.0": {"api.example.com"}, "remove.0": {"yes"}}, "nowhere yet")

	if _, err := p.Client().PutSecret(t.Context(), v.ID, "pin", client.ValueOf("1234567"), client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	short := "/vaults/" + v.ID + "/bindings/pin"
	done(t, p, short, url.Values{"hosts.0": {"api.example.com"}}, "fewer than 8 bytes, so it is not sent")
	p.Shows(short, "fewer than 8 bytes, so it is not sent")
}

func TestASecretIsSharedReadAndRevokedOnPages(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	bob := p.Member(p, "bob", policy.RoleMember)
	share := "/vaults/" + v.ID + "/share/api-keys/stripe"
	p.Shows(share, `<option value="user:`+bob.User.ID+`">`)

	status, _, body := p.Post(share, url.Values{"kind": {"anyone_with_link"}, "uses": {"2"}, "passphrase": {"not a usual phrase"}})
	out, err := p.Client().OutboundShares(t.Context())
	if err != nil || len(out) != 1 || out[0].MaxAccessCount != 2 {
		t.Fatalf("shared is %+v, %v", out, err)
	}
	if status != http.StatusOK || !strings.Contains(body, out[0].ID) || strings.Contains(body, "usual phrase") {
		t.Errorf("the link: %d\n%s", status, body)
	}
	list := p.Shows("/shares?tab=out", "api-keys/stripe", "0 / 2", "/shares/"+out[0].ShareID+"/revoke")
	if strings.Contains(list, out[0].ID) {
		t.Error("the list has the link again")
	}
	done(t, p, "/shares/"+out[0].ShareID+"/revoke", url.Values{})

	for _, answer := range []string{"accept", "decline"} {
		if status, _, body := p.Post(share, url.Values{"kind": {"member"}, "who": {"user:" + bob.User.ID}, "expires": {""}}); status != http.StatusOK {
			t.Fatalf("share with bob: %d\n%s", status, body)
		}
		in, err := bob.Client().InboundShares(t.Context())
		i := slices.IndexFunc(in, func(s client.ShareItem) bool { return s.Status == "pending" })
		if err != nil || i < 0 {
			t.Fatalf("bob has %+v, %v", in, err)
		}
		one := "/shares/" + in[i].ID
		bob.Shows("/shares", one+"/accept", one+"/decline")
		if answer == "decline" {
			done(t, bob, one+"/decline", url.Values{})
			break
		}
		done(t, bob, one+"/accept", url.Values{}, one+"/read")
		status, _, body := bob.Post(one+"/read", url.Values{})
		if status != http.StatusOK || !strings.Contains(body, ">"+canary+"<") {
			t.Errorf("read: %d\n%s", status, body)
		}
	}
	refused(t, p, share, url.Values{"kind": {"external_email"}, "email": {"<b>"}, "passphrase": {"not a usual phrase"}}, `role="alert"`, "&lt;b&gt;")
	refused(t, p, share, url.Values{"kind": {"anyone_with_link"}, "expires": {"<b>"}}, `role="alert"`)
	eve := p.Server.Person("eve")
	for _, what := range []string{"accept", "decline", "revoke", "read"} {
		refused(t, eve, "/shares/"+out[0].ShareID+"/"+what, url.Values{})
	}
}

func TestVariablesAreSetShownAndDeletedOnAPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	base := "/vaults/" + v.ID + "/environment"
	done(t, p, base, url.Values{"key_name": {"DATABASE_URL"}, "value": {canary}, "environments": {"production"}, "comment": {"<b>"}, "sensitive": {"yes"}}, "DATABASE_URL", "production", "&lt;b&gt;", "sensitive")
	if body := p.Shows(base); strings.Contains(body, canary) || strings.Contains(body, "<b>") {
		t.Errorf("the list is\n%s", body)
	}
	refused(t, p, base, url.Values{"key_name": {"<b>"}, "value": {canary}}, "&lt;b&gt;", "Write the value again")
	status, _, body := p.Post(base+"/DATABASE_URL/reveal", url.Values{"environment": {"production"}})
	if status != http.StatusOK || !strings.Contains(body, ">"+canary+"<") {
		t.Errorf("shown: %d\n%s", status, body)
	}
	p.Shows(base+"/DATABASE_URL/delete?environment=production", `name="environment" value="production"`)
	refused(t, p, base+"/DATABASE_URL/delete", url.Values{"environment": {"production"}, "name": {"x"}}, `name="environment" value="production"`)
	done(t, p, base+"/DATABASE_URL/delete", url.Values{"environment": {"production"}, "name": {"DATABASE_URL"}}, "There is no variable yet")
}
