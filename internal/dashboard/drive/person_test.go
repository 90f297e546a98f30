package drive_test

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// visit opens an address, and returns its status.
func (b *tab) visit(path string) int {
	b.t.Helper()
	return b.goes("open "+path, chromedp.Navigate(b.url+path))
}

// click presses what a selector finds, which leads to another page.
func (b *tab) click(selector string) int {
	b.t.Helper()
	return b.goes("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// press presses what a selector finds, which stays on the page.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.do("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// fill types into the field of a name.
func (b *tab) fill(name, text string) {
	b.t.Helper()
	field := chromedp.CSS(`main [name="` + name + `"]`)
	eval[int](b, `(() => { document.querySelector('main [name="`+name+`"]').value = ""; return 1 })()`)
	b.do("fill in "+name, chromedp.SendKeys(field, text))
}

// choose takes an option of a list by its value.
func (b *tab) choose(name, value string) {
	b.t.Helper()
	b.do("choose "+name, chromedp.SetValue(chromedp.CSS(`main [name="`+name+`"]`), value))
}

// submit sends the form of the page that has a field or button of this selector.
func (b *tab) submit() int {
	b.t.Helper()
	return b.click(`main form button.yes, main form button.no`)
}

// types presses keys, which stay on the page.
func (b *tab) types(keys string) {
	b.t.Helper()
	b.do("type "+keys, chromedp.KeyEvent(keys))
}

// key presses one key as a keyboard does: where the page takes it, nothing is typed.
func (b *tab) key(k string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: k, Text: k})
	b.must("press "+k, err)
	_, err = chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: k})
	b.must("let go of "+k, err)
}

// tabTo presses the tabulator until what a selector finds has the focus.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	find, err := json.Marshal(selector)
	b.must("selector", err)
	for range 200 {
		if b.is(`document.activeElement && document.activeElement.matches(` + string(find) + `)`) {
			return
		}
		b.types(kb.Tab)
	}
	b.t.Fatalf("the tabulator does not lead to %s\n%s", selector, b.where())
}

// await waits until an expression of JavaScript holds on the page.
func (b *tab) await(expression string) {
	b.t.Helper()
	b.do("wait for "+expression, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience)))
}

// is reports whether an expression of JavaScript holds.
func (b *tab) is(expression string) bool { return eval[bool](b, "!!("+expression+")") }

// text is what a person reads on the page.
func (b *tab) text() string { return eval[string](b, "document.body.innerText") }

// at is where the tab is.
func (b *tab) at() string {
	return strings.TrimPrefix(eval[string](b, "location.href"), b.url)
}

// eval returns what an expression of JavaScript gives.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, patience)
	defer done()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.must("evaluate "+expression, err)
	return v
}

// signIn signs in as somebody of the test world.
func (b *tab) signIn(name string) {
	b.t.Helper()
	if !strings.HasPrefix(b.at(), "/login") {
		b.visit("/login")
	}
	b.fill("email", world.Email(name))
	b.fill("password", world.Password)
	b.submit()
}

// withoutScripts turns JavaScript off, as a person may.
func (b *tab) withoutScripts() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.must("turn scripts off", err)
}

// scheme makes the system light or dark.
func (b *tab) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	b.must("change the scheme", err)
}

// size makes the window as wide as a device.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do("resize", chromedp.EmulateViewport(width, height))
}
