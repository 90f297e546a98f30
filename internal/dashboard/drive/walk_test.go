package drive_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// widths are those of a phone, a desk and a wall.
var widths = []struct{ width, height int64 }{{390, 844}, {1280, 900}, {3840, 2160}}

var schemes = []string{"light", "dark"}

// Every page that links lead to is opened as a person opens it, in three widths and both
// schemes: the browser complains of nothing, axe finds nothing, nothing sticks out at the
// side, and what the page consists of is what the golden outline says.
func TestEveryPageIsSoundAtEveryWidthAndInBothSchemes(t *testing.T) {
	s := furnished(t)
	b := open(t, s.URL)
	b.signIn("ann")
	pictures := os.Getenv("ONECLAW_PICTURES") // a folder; without it none is taken, which takes most of the time
	seen := map[string]bool{}
	for next := []string{"/"}; len(next) > 0; next = next[1:] {
		path := next[0]
		shape := pages.Shape(path)
		if seen[shape] {
			continue
		}
		seen[shape] = true
		name := cmp.Or(strings.Trim(regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(shape, "-"), "-"), "home")
		t.Run(name, func(t *testing.T) {
			b.in(t, func() {
				if status := b.visit(path); status != 200 {
					t.Fatalf("%s: status %d\n%s", path, status, b.text())
				}
				golden(t, filepath.Join("testdata", "outline", name+".golden"), outline(b))
				next = append(next, links(b)...)
				for _, scheme := range schemes {
					b.scheme(scheme)
					for _, w := range widths {
						b.size(w.width, w.height)
						if over := eval[[]string](b, sticksOut); len(over) > 0 {
							t.Errorf("%s at %d: sticks out at the side: %q", path, w.width, over)
						}
						if pictures != "" {
							b.picture(filepath.Join(pictures, fmt.Sprintf("%s-%d-%s.png", name, w.width, scheme)))
						}
					}
				}
				b.sound(t, path)
			})
		})
	}
	for _, must := range []string{"/", "/vaults", "/vaults/new"} {
		if !seen[must] {
			t.Errorf("the links do not lead to %s", must)
		}
	}
}

// The pages of who is not signed in are held to the same.
func TestThePagesBeforeTheLoginAreSound(t *testing.T) {
	s := furnished(t)
	b := open(t, s.URL)
	for _, path := range []string{"/login"} {
		b.visit(path)
		golden(t, filepath.Join("testdata", "outline", "open-"+strings.Trim(path, "/")+".golden"), outline(b))
		b.sound(t, path)
	}
}

// sound holds the page to axe: all rules on a desk, and on a phone and in the dark those
// that can differ there.
func (b *tab) sound(t *testing.T, path string) {
	t.Helper()
	for _, c := range []struct {
		scheme string
		width  int64
		rules  string
	}{{"light", 1280, ""}, {"light", 390, `["scrollable-region-focusable", "target-size"]`}, {"dark", 1280, `["color-contrast"]`}} {
		b.scheme(c.scheme)
		b.size(c.width, 900)
		eval[int](b, `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(1), 0)))`) // what a new size changes is done
		for _, v := range axe(b, c.rules) {
			t.Errorf("%s, %s, %d wide: %s", path, c.scheme, c.width, v)
		}
	}
}

// in makes t the test of the tab while f runs.
func (b *tab) in(t *testing.T, f func()) {
	outer := b.t
	b.t = t
	defer func() {
		for _, line := range b.complaints() {
			t.Error("the browser says: " + line)
		}
		b.t = outer
	}()
	f()
}

func (b *tab) picture(file string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.must("take a picture", err)
	b.must("make the folder", os.MkdirAll(filepath.Dir(file), 0o755))
	b.must("keep the picture", os.WriteFile(file, png, 0o600))
}

// links are the addresses of this server that a page leads to.
func links(b *tab) []string {
	return eval[[]string](b, `[...document.querySelectorAll("a[href]")].filter((a) => a.origin === location.origin && !a.hasAttribute("download") && !a.pathname.startsWith("/static/") && !a.pathname.startsWith("/v1/") && !a.pathname.includes("/secret/agents/") && !a.pathname.startsWith("/dev/mail")).map((a) => a.pathname + a.search)`)
}

// sticksOut are the elements that make a page wider than its window.
const sticksOut = `(() => { const ancestors = function* (e) { for (let a = e.parentElement; a && a !== document.body; a = a.parentElement) yield a; };
	return document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
	[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && ![...ancestors(e)].some((a) => /auto|scroll|hidden/.test(getComputedStyle(a).overflowX))).slice(0, 5).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)); })()`
