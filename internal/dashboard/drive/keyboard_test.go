package drive_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Nothing but the keyboard is used: sign in, make a vault, go to pages by letters and by
// the palette, search, show a value, sign out.
func TestAllOfItIsDoneByKeyboard(t *testing.T) {
	h := furnished(t)
	b := open(t, h.URL)
	b.visit("/login")
	b.tabTo(`[name="email"]`)
	b.types(world.Email("ann"))
	b.tabTo(`[name="password"]`)
	b.types(world.Password)
	b.goes("press Enter", chromedp.KeyEvent(kb.Enter))
	b.on("/")

	b.goes("g v", chromedp.KeyEvent("g"), chromedp.KeyEvent("v"))
	b.on("/vaults")
	b.tabTo(`main a[href="/vaults/new"]`)
	b.goes("press Enter", chromedp.KeyEvent(kb.Enter))
	b.tabTo(`[name="name"]`)
	b.types("by-keyboard")
	b.goes("press Enter", chromedp.KeyEvent(kb.Enter))
	b.on("/vaults/" + vaultNamed(t, h.Owner, "by-keyboard"))

	b.key("?")
	b.await(`document.getElementById("keys").open`)
	b.types(kb.Escape)
	b.await(`!document.getElementById("keys").open`)

	b.palette("inbox")
	b.on("/inbox")
	b.palette("usage")
	b.on("/usage")

	b.key("/")
	b.await(`document.activeElement.id === "find"`)
	b.types("openai")
	b.goes("search", chromedp.KeyEvent(kb.Enter))
	b.on("/search")
	b.tabTo(`main a[href$="/secret/api-keys/openai"]`)
	b.goes("press Enter", chromedp.KeyEvent(kb.Enter))
	b.tabTo(`form[action$="/reveal/api-keys/openai"] button.yes`)
	b.types(kb.Enter)
	b.await(`document.querySelector("#value .secret")`)
	if !b.is(`document.activeElement.matches("button.yes")`) {
		t.Errorf("showing the value took the focus away")
	}

	b.visit("/vaults/" + h.Vault.ID)
	b.key("/")
	b.await(`document.activeElement.id === "q"`)
	b.types("stripe")
	b.await(`document.querySelectorAll("#list tbody tr").length === 1`)
	if !b.is(`document.activeElement.id === "q" && document.activeElement.value === "stripe"`) {
		t.Error("the search lost the focus or what was typed")
	}
	b.await(`document.getElementById("live").textContent.includes("1")`)

	b.visit("/")
	b.tabTo("details.menu summary")
	b.types(kb.Enter)
	b.tabTo(`form[action="/logout"] button`)
	b.goes("press Enter", chromedp.KeyEvent(kb.Enter))
	b.on("/login")
}

// The first stop of the keyboard leads past the navigation.
func TestTheFirstStopLeadsToTheContent(t *testing.T) {
	s := pages.Open(t)
	s.Stranger("ann")
	b := open(t, s.URL)
	b.signIn("ann")
	b.types(kb.Tab)
	if !b.is(`document.activeElement.matches("a.skip")`) {
		t.Fatalf("the first stop is %s", eval[string](b, "document.activeElement.outerHTML"))
	}
	b.types(kb.Enter)
	b.await(`document.activeElement.id === "main"`)
}

// palette opens a page by typing a part of its name.
func (b *tab) palette(words string) {
	b.t.Helper()
	b.do("open the palette", chromedp.KeyEvent("k", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.await(`document.getElementById("palette").open`)
	b.types(words)
	b.await(`document.querySelector("#palette-list [aria-selected=true]").textContent.toLowerCase().includes("` + strings.ToLower(words) + `")`)
	b.goes("take it", chromedp.KeyEvent(kb.Enter))
}
