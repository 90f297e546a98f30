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
					b.size(1280, 900)
					for _, v := range axe(b) {
						t.Errorf("%s, %s: %s", path, scheme, v)
					}
				}
				b.size(390, 844)
				for _, v := range axe(b) {
					t.Errorf("%s, narrow: %s", path, v)
				}
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
		for _, scheme := range schemes {
			b.scheme(scheme)
			for _, w := range widths {
				b.size(w.width, w.height)
				if over := eval[[]string](b, sticksOut); len(over) > 0 {
					t.Errorf("%s at %d: sticks out at the side: %q", path, w.width, over)
				}
			}
			for _, v := range axe(b) {
				t.Errorf("%s, %s: %s", path, scheme, v)
			}
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
	return eval[[]string](b, `[...document.querySelectorAll("a[href]")].filter((a) => a.origin === location.origin && !a.hasAttribute("download") && !a.pathname.startsWith("/static/") && !a.pathname.startsWith("/v1/") && !a.pathname.startsWith("/dev/mail")).map((a) => a.pathname + a.search)`)
}

// sticksOut are the elements that make a page wider than its window.
const sticksOut = `document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
	[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".wide, pre")).slice(0, 5).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40))`
