package drive_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A person signs in, keeps a secret, lets an agent use it, approves what it asks for and
// signs out: with scripts, and the same with JavaScript off.
func TestAPersonDoesAllOfItWithAndWithoutScripts(t *testing.T) {
	for name, scripts := range map[string]bool{"with scripts": true, "JavaScript off": false} {
		t.Run(name, func(t *testing.T) {
			s := pages.Open(t)
			ann := s.Stranger("ann")
			b := open(t, s.URL)
			if !scripts {
				b.withoutScripts()
			}
			b.visit("/vaults")
			b.signIn("ann")
			b.on("/vaults")

			b.click(`main a[href="/vaults/new"]`)
			b.fill("name", "team")
			b.fill("description", "For the agents of the team")
			b.submit()
			b.on("/vaults/")
			vault := vaultNamed(t, ann, "team")

			b.click(`main a[href$="/secrets/new"]`)
			b.fill("path", "api-keys/openai")
			b.fill("value", canary)
			b.submit()
			b.on("/vaults/" + vault)
			if strings.Contains(b.html(), canary) {
				t.Error("the page after storing a value shows it")
			}

			b.visit("/vaults/" + vault + "/secret/api-keys/openai")
			if scripts {
				b.press(`form[action$="/reveal/api-keys/openai"] button.yes`)
				b.await(`document.querySelector("#value .secret")`)
			} else {
				b.click(`form[action$="/reveal/api-keys/openai"] button.yes`)
			}
			if got := b.textOf(".secret"); got != canary {
				t.Errorf("the value shown is %q", got)
			}

			b.visit("/agents/new")
			b.fill("name", "builder")
			b.submit()
			key := b.textOf("#agent-key")
			if !strings.HasPrefix(key, "ocv_") {
				t.Errorf("the key of the agent is shown as %q", key)
			}
			agent := agentNamed(t, ann, "builder")
			b.visit("/agents/" + agent)
			if strings.Contains(b.html(), key) {
				t.Error("the key of the agent is shown again")
			}

			b.visit("/vaults/" + vault + "/policies/new")
			b.choose("who", "agent:"+agent)
			b.fill("pattern", "api-keys/*")
			b.check("read")
			b.openUp("approval")
			b.check("approval")
			b.click(`main form button.yes`)
			if text := b.text(); !strings.Contains(text, "api-keys/openai") {
				t.Errorf("what the policy opens:\n%s", text)
			}
			b.click(`main form button[name="seen"]`)
			b.on("/vaults/" + vault + "/policies")

			bot := s.ClientOf(s.Exchange(key))
			ask, err := bot.RequestApproval(t.Context(), client.ApprovalAsk{VaultID: vault, SecretPath: "api-keys/openai", Reason: "to answer mails"})
			if err != nil {
				t.Fatal(err)
			}
			s.Clock.Forward(15 * time.Minute) // so that the login is not fresh any more
			b.visit("/inbox")
			b.click(`main a[href="/inbox/approvals/` + ask.ID + `"]`)
			if text := b.text(); !strings.Contains(text, "to answer mails") {
				t.Errorf("what is asked:\n%s", text)
			}
			b.click(`form[action$="/approve"] button.yes`)
			b.fill("password", world.Password)
			b.submit()
			if got, err := ann.Client().Approval(t.Context(), ask.ID); err != nil || got.Status != "approved" {
				t.Errorf("after the step-up: %+v, %v\n%s", got, err, b.where())
			}

			b.signOut()
			b.on("/login")
			if status := b.visit("/vaults"); status != http.StatusOK || !strings.HasPrefix(b.at(), "/login") {
				t.Errorf("after signing out %s opens: %d", b.at(), status)
			}
		})
	}
}

// A value that was shown goes away by itself, and is not in the page any more.
func TestAValueThatWasShownGoesAwayByItself(t *testing.T) {
	h := furnished(t)
	b := open(t, h.URL)
	b.signIn("ann")
	b.visit("/vaults/" + h.Vault.ID + "/secret/db/password")
	eval[int](b, `(() => { const real = window.setInterval; window.setInterval = (f, ms) => real(f, ms / 100); return 1 })()`) // a second is a hundredth
	b.press(`form[action$="/reveal/db/password"] button.yes`)
	b.await(`document.body.innerText.includes("` + canary + `") || document.querySelector("#value [data-counts]:empty")`)
	b.await(`!document.documentElement.outerHTML.includes("` + canary + `")`)
	if got := eval[string](b, `document.getElementById("live").textContent`); !strings.Contains(got, "idden") {
		t.Errorf("a reader of the screen is told %q", got)
	}
	events, err := h.Owner.Client().AuditEvents(t.Context(), client.AuditFilter{Path: "db/password", VaultID: h.Vault.ID, Limit: 5})
	if err != nil || len(events.Events) == 0 || events.Events[0].Action != "secret.read" {
		t.Errorf("the record says %+v, %v", events, err)
	}
}

// With a second factor the login takes a code of the app, or a recovery code once.
func TestALoginTakesTheSecondFactor(t *testing.T) {
	s := pages.Open(t)
	s.Stranger("ann")
	b := open(t, s.URL)
	b.signIn("ann")
	b.visit("/settings/mfa")
	b.submit()
	key := b.textOf(".secret")
	b.fill("code", code(t, key, s.Clock.Now()))
	b.submit()
	recovery := strings.Fields(b.textOf("pre code"))
	if len(recovery) < 2 {
		t.Fatalf("recovery codes: %q\n%s", recovery, b.where())
	}
	for n, answer := range []func() string{
		func() string { s.Clock.Forward(time.Minute); return code(t, key, s.Clock.Now()) },
		func() string { return recovery[0] },
	} {
		b.signOut()
		b.signIn("ann")
		if !b.is(`document.querySelector("main [name=mfa_code]")`) {
			t.Fatalf("login %d asks for no code\n%s", n, b.where())
		}
		b.fill("mfa_code", "000000")
		if status := b.submit(); status != http.StatusUnauthorized {
			t.Errorf("a wrong code: %d", status)
		}
		b.refused(http.StatusUnauthorized)
		b.fill("mfa_code", answer())
		b.submit()
		b.on("/")
	}
	b.signOut()
	b.signIn("ann")
	b.fill("mfa_code", recovery[0])
	if status := b.submit(); status != http.StatusUnauthorized {
		t.Errorf("a recovery code for the second time: %d at %s", status, b.at())
	}
	b.refused(http.StatusUnauthorized)
}

// A challenge of somebody else proves nothing of the person whose browser it is.
func TestAnothersSecondFactorConfirmsNobody(t *testing.T) {
	s := pages.Open(t)
	ann, eve := s.Person("ann"), s.Person("eve")
	api := eve.Client()
	setup, err := api.SetUpMFA(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := string(setup.Secret.Reveal())
	if _, err := api.ConfirmMFA(t.Context(), code(t, key, s.Clock.Now())); err != nil {
		t.Fatal(err)
	}
	s.Clock.Forward(20 * time.Minute)
	l, err := s.ClientOf("").Login(t.Context(), world.Email("eve"), client.ValueOf(world.Password))
	if err != nil {
		t.Fatal(err)
	}
	form := map[string][]string{
		"mfa_token": {string(l.MFAToken.Reveal())}, "mfa_code": {code(t, key, s.Clock.Now())},
		"action": {"/organisation/invite"}, "to": {"/organisation"}, "f.email": {"eve2@example.com"}, "f.role": {"owner"},
	}
	status, _, body := ann.Post("/confirm", form)
	if list, err := ann.Client().Invitations(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("eve's code confirmed ann: %d, %v, %v\n%.500s", status, list, err, body)
	}
}

// code is what the app of somebody shows at a time.
func code(t *testing.T, key string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(key, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// vaultNamed is the id of a vault.
func vaultNamed(t *testing.T, p *pages.Person, name string) string {
	t.Helper()
	list, err := p.Client().VaultsNamed(t.Context(), name)
	if err != nil || len(list) != 1 {
		t.Fatalf("the vault %s: %v, %v", name, list, err)
	}
	return list[0].ID
}

// agentNamed is the id of an agent.
func agentNamed(t *testing.T, p *pages.Person, name string) string {
	t.Helper()
	list, err := p.Client().Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == name {
			return a.ID
		}
	}
	t.Fatalf("there is no agent %s", name)
	return ""
}

// signOut opens the menu and presses the button.
func (b *tab) signOut() {
	b.t.Helper()
	b.press("details.menu summary")
	b.click(`form[action="/logout"] button`)
}

// on checks where the tab is.
func (b *tab) on(path string) {
	b.t.Helper()
	if at := b.at(); at != path && (path == "/" || !strings.HasPrefix(at, path)) {
		b.t.Fatalf("the tab is at %s, want %s\n%s", at, path, b.where())
	}
}

// check ticks a box.
func (b *tab) check(name string) {
	b.t.Helper()
	b.press(`main input[type="checkbox"][name="` + name + `"]`)
}

// openUp opens what hides a field.
func (b *tab) openUp(name string) {
	b.t.Helper()
	b.press(`main details:has([name="` + name + `"]) > summary`)
}

// html is all of the page.
func (b *tab) html() string { return eval[string](b, "document.documentElement.outerHTML") }

// textOf is what the first element of a selector says.
func (b *tab) textOf(selector string) string {
	b.t.Helper()
	ctx := b.ctx
	text, err := chromedp.Run(ctx, chromedp.TextContent(chromedp.CSS("main "+selector)))
	b.must("read "+selector, err)
	return strings.TrimSpace(text)
}
