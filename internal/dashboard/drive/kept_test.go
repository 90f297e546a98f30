package drive_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// After somebody showed and copied values and signed out, the browser has none of them:
// not in its storage, its history, its cookies, nor behind the back button.
func TestTheBrowserKeepsNoValue(t *testing.T) {
	h := furnished(t)
	b := open(t, h.URL)
	var answers []network.RequestID
	b.must("listen", chromedp.Listen(b.ctx, func(event any) {
		if e, ok := event.(*network.EventResponseReceived); ok {
			b.mu.Lock()
			defer b.mu.Unlock()
			answers = append(answers, e.RequestID)
		}
	}))
	b.signIn("ann")
	b.visit("/vaults/" + h.Vault.ID)
	b.visit("/vaults/" + h.Vault.ID + "/secret/db/password")
	if n := bodiesWith(b, answers, canary); n != 0 {
		t.Errorf("%d answers hold a value that nobody asked for", n)
	}
	b.press(`form[action$="/reveal/db/password"] button.yes`)
	b.await(`document.querySelector("#value .secret")`)
	b.mu.Lock()
	all := answers
	b.mu.Unlock()
	if n := bodiesWith(b, all, canary); n != 1 {
		t.Errorf("%d answers hold the value, want the one that was asked for", n)
	}
	b.click(`main a[href$="/version/db/password"]`)
	b.fill("value", canary+"-typed")
	b.submit()
	b.signOut()

	kept := eval[string](b, `(async () => JSON.stringify([localStorage, sessionStorage, document.cookie, await indexedDB.databases(), await caches.keys(), (await navigator.serviceWorker.getRegistrations()).length, history.state, window.name, performance.getEntries().map((e) => e.name)]))()`)
	if strings.Contains(kept, canary) || !strings.HasPrefix(kept, `[{},{},"",[],[],0,`) {
		t.Errorf("the browser keeps %s", kept)
	}
	cookies, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	b.must("cookies", err)
	for _, c := range cookies.Cookies {
		if !c.HTTPOnly || strings.Contains(c.Value, canary) {
			t.Errorf("the cookie %s=%q", c.Name, c.Value)
		}
	}
	past, err := chromedp.Run(b.ctx, chromedp.NavigationEntries())
	b.must("history", err)
	for i := len(past.Entries) - 2; i >= 0; i-- {
		e := past.Entries[i]
		if strings.Contains(e.URL+e.Title+e.UserTypedURL, canary) {
			t.Errorf("the history has %s", e.URL)
		}
		if e.URL == "about:blank" {
			continue
		}
		b.goes("back to "+e.URL, chromedp.NavigateToHistoryEntry(e.ID))
		if html := b.html(); strings.Contains(html, canary) || !strings.HasPrefix(b.at(), "/login") {
			t.Errorf("back at %s, after signing out, the browser shows %s:\n%s", e.URL, b.at(), b.where())
		}
	}
	b.complaints() // a page of before that is asked for again may be refused
}

// bodiesWith counts the answers that hold a text, as the browser got them.
func bodiesWith(b *tab, answers []network.RequestID, text string) (n int) {
	for _, id := range answers {
		body, err := chromedp.Call(b.ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
		if err != nil {
			continue // of a redirect, or of a page that is gone
		}
		got := string(body.Body)
		if body.Base64encoded {
			plain, err := base64.StdEncoding.DecodeString(got)
			b.must("decode", err)
			got = string(plain)
		}
		if strings.Contains(got, text) {
			n++
		}
	}
	return n
}

// Two tabs of one browser have one login: who signs in as another in one is that in both,
// and no form of the old one acts as the new one unseen.
func TestTwoTabsWithTwoAccountsHaveTheOneThatSignedInLast(t *testing.T) {
	s := pages.Open(t)
	ann, eve := s.Stranger("ann"), s.Stranger("eve")
	one := open(t, s.URL)
	one.signIn("ann")
	one.visit("/vaults/new")
	two := one.beside()
	two.visit("/")
	if !strings.Contains(two.text(), "ann@example.com") {
		t.Fatalf("the second tab:\n%s", two.text())
	}
	two.signOut()
	two.signIn("eve")
	one.fill("name", "made-in-the-old-tab")
	one.submit()
	if !strings.Contains(one.text(), "eve@example.com") {
		t.Errorf("the old tab does not say who is signed in:\n%s", one.text())
	}
	if list, err := ann.Client().Vaults(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ann, who signed out, has %v, %v", list, err)
	}
	if list, err := eve.Client().VaultsNamed(t.Context(), "made-in-the-old-tab"); err != nil || len(list) != 1 {
		t.Errorf("eve has %v, %v", list, err)
	}
	// Of another profile nothing is seen.
	other := open(t, s.URL)
	other.signIn("ann")
	if !strings.Contains(other.text(), "ann@example.com") || strings.Contains(other.text(), "eve@") {
		t.Errorf("another profile:\n%s", other.text())
	}
	for _, b := range []*tab{one, two} {
		if said := b.complaints(); len(said) > 0 {
			t.Errorf("the browser says %q", said)
		}
	}
}

// Another site can neither frame a page, read it, nor submit its forms, in a real browser.
func TestAnotherSiteReachesNoPage(t *testing.T) {
	h := furnished(t)
	evil := newSite(t, func(path string) string {
		form := `<form id="f" method="post" action="` + h.URL + path + `"><input name="name" value="planted"></form>`
		return `<!doctype html><title>evil</title><iframe id="i" src="` + h.URL + `/vaults"></iframe>` + form
	})
	b := open(t, h.URL)
	b.signIn("ann")
	b.do("open the other site", chromedp.Navigate(evil+"/vaults/new"))
	framed := eval[string](b, `(() => { try { return document.getElementById("i").contentDocument?.body?.innerText || "" } catch (e) { return "" } })()`)
	read := eval[string](b, `fetch("`+h.URL+`/vaults", { credentials: "include" }).then((r) => r.text()).catch(() => "")`)
	if strings.Contains(framed, "team") || strings.Contains(read, "team") {
		t.Errorf("another site sees a page: %q %q", framed, read)
	}
	frames, err := chromedp.Call(b.ctx, pageTree, cdp.Empty{})
	b.must("frames", err)
	for _, f := range frames.FrameTree.ChildFrames {
		if strings.HasPrefix(f.Frame.URL, h.URL) && f.Frame.UnreachableURL == "" {
			t.Errorf("another site frames %s", f.Frame.URL)
		}
	}
	if status := b.goes("submit a form of the other site", chromedp.Func(submitForm)); status != http.StatusForbidden {
		t.Errorf("a form of another site: %d\n%s", status, b.where())
	}
	if said := strings.Join(b.complaints(), "\n"); !strings.Contains(said, "frame-ancestors") && !strings.Contains(said, "X-Frame-Options") && !strings.Contains(said, "ERR_BLOCKED_BY_RESPONSE") {
		t.Errorf("the browser did not refuse the frame: %s", said)
	}
	if list, err := h.Owner.Client().VaultsNamed(t.Context(), "planted"); err != nil || len(list) != 0 {
		t.Errorf("the form of another site was answered: %v, %v", list, err)
	}
}
