package drive_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// named is the same server under the name that browsers offer passkeys for.
func named(s *pages.Server) string { return strings.Replace(s.URL, "127.0.0.1", "localhost", 1) }

// authenticator gives the tab an authenticator that knows its person and says yes.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	b.must("authenticators", err)
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	b.must("an authenticator", err)
	return made.AuthenticatorID
}

// passkey presses the button of a passkey, which leads to another page.
func (b *tab) passkey() int {
	b.t.Helper()
	return b.click("main [data-passkey]")
}

// A passkey is added, signs in, proves that its person is still there, decides an approval, and ends
// with the login that it began.
func TestAPasskeyIsAddedUsedAndRemoved(t *testing.T) {
	s := pages.Open(t)
	h := s.Person("ann").Furnish("", canary)
	b := open(t, named(s))
	b.authenticator()
	b.signIn("ann")
	b.visit("/settings/passkeys")
	b.sound(t, "/settings/passkeys")
	b.click(`main a[href="/settings/passkeys/new"]`)
	b.sound(t, "/settings/passkeys/new")
	b.fill("name", "phone")
	b.passkey()
	b.on("/settings/passkeys")
	b.await(`document.querySelector('main td input[value="phone"]')`)
	b.sound(t, "/settings/passkeys with one")

	// The same authenticator makes no second one.
	b.visit("/settings/passkeys/new")
	b.fill("name", "again")
	b.press("main [data-passkey]")
	b.await(`document.querySelector("[data-passkey-said]").textContent`)
	b.signOut()

	b.visit("/vaults")
	b.on("/login")
	b.passkey()
	b.on("/vaults")
	list, err := h.Owner.Client().Passkeys(t.Context())
	if err != nil || len(list) != 1 || list[0].LastUsedAt == nil {
		t.Fatalf("passkeys: %+v, %v", list, err)
	}

	s.Clock.Forward(15 * time.Minute) // so that the login is not fresh any more
	b.visit("/inbox/approvals/" + h.Approval.ID)
	b.click(`form[action$="/approve"] button.yes`)
	b.passkey()
	if got, err := s.ClientOf(s.LogIn(world.Email("ann"), world.Password)).Approval(t.Context(), h.Approval.ID); err != nil || got.Status != "approved" {
		t.Errorf("after the proof by a passkey: %+v, %v\n%s", got, err, b.where())
	}

	other := open(t, named(s))
	other.signIn("ann")
	other.visit("/settings/passkeys/" + list[0].ID + "/remove")
	other.sound(t, "/settings/passkeys/ID/remove")
	other.fill("name", "phone")
	other.click("main form button.no")
	other.on("/settings/passkeys")
	b.visit("/vaults")
	b.on("/login") // the login that the passkey began has ended
	if status := b.passkey(); status != 401 {
		t.Errorf("a removed passkey: %d\n%s", status, b.where())
	}
	b.refused(401)
}

// An answer that was made in one browser signs nobody in from another: that lacks the cookie
// of who asked.
func TestAPasskeysAnswerIsOfOneBrowser(t *testing.T) {
	s := pages.Open(t)
	ann := s.Person("ann")
	b := open(t, named(s))
	b.authenticator()
	b.signIn("ann")
	b.visit("/settings/passkeys/new")
	b.fill("name", "phone")
	b.goes("press Enter", chromedp.Focus(`main input[name="name"]`), chromedp.KeyEvent(kb.Enter)) // as the button does
	b.on("/settings/passkeys")
	answer := eval[string](b, `fetch("/login/passkey", { method: "POST" }).then((r) => r.json())
		.then((o) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(o) })).then((c) => JSON.stringify(c))`)
	thief := s.OtherBrowser(ann)
	if status, location, body := thief.Post("/login", url.Values{"passkey": {answer}}); status != http.StatusUnauthorized {
		t.Errorf("an answer without its cookie: %d %s\n%s", status, location, body)
	}
}

// A passkey of another account proves nothing, and leaves the login as it was.
func TestAPasskeyOfSomebodyElseProvesNothing(t *testing.T) {
	s := pages.Open(t)
	h := s.Person("ann").Furnish("", canary)
	s.Person("bob")
	b := open(t, named(s))
	b.authenticator()
	b.signIn("bob")
	b.visit("/settings/passkeys/new")
	b.fill("name", "phone")
	b.passkey()
	b.signOut()
	b.signIn("ann")
	s.Clock.Forward(15 * time.Minute)
	b.visit("/inbox/approvals/" + h.Approval.ID)
	b.click(`form[action$="/approve"] button.yes`)
	if status := b.passkey(); status != http.StatusUnauthorized || !strings.Contains(b.where(), "another account") {
		t.Errorf("bob's passkey: %d\n%s", status, b.where())
	}
	b.refused(401)
	b.visit("/vaults")
	b.on("/vaults")
	if got, err := s.ClientOf(s.LogIn(world.Email("ann"), world.Password)).Approval(t.Context(), h.Approval.ID); err != nil || got.Status != "pending" {
		t.Errorf("the approval: %+v, %v", got, err)
	}
}

// Under an address of numbers a page says where passkeys are.
func TestPasskeysAreAtTheName(t *testing.T) {
	s := pages.Open(t)
	b := open(t, s.URL)
	b.visit("/login")
	b.press("main [data-passkey]")
	b.await(`document.querySelector("[data-passkey-said]").textContent.includes("http://localhost:")`)
	b.refused(409)
}
