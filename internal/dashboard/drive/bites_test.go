package drive_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// What these tests listen to is heard: each of these must be a complaint.
func TestTheBrowserTellsWhatAPageDoesWrong(t *testing.T) {
	s := pages.Open(t)
	for name, c := range map[string]struct{ script, want string }{
		"an image of elsewhere":     {`new Promise((done) => { const i = new Image(); i.onerror = () => done(1); i.src = "http://127.0.0.1:1/x.png"; })`, "Content Security Policy"},
		"a script in the page":      {`(() => { try { document.createElement("script").textContent = "1" } catch { } return 1 })()`, "TrustedScript"},
		"a style in the page":       {`document.body.append(Object.assign(document.createElement("style"), { textContent: "p{}" })), 1`, "Content Security Policy"},
		"an error of a script":      {`setTimeout(() => { throw new Error("planted") }, 0), 1`, "planted"},
		"an error in the console":   {`console.error("planted"), 1`, "planted"},
		"an address without a page": {`fetch("/vaults/none/at/all").then((r) => r.status)`, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, s.URL)
			b.visit("/login")
			eval[int](b, c.script)
			eval[int](b, `new Promise((done) => setTimeout(() => done(1), 0))`)
			if said := strings.Join(b.complaints(), "\n"); !strings.Contains(said, c.want) {
				t.Errorf("the browser says %q, want %q in it", said, c.want)
			}
		})
	}
}

func TestAPersonSignsInWithJavaScriptOff(t *testing.T) {
	s := pages.Open(t)
	s.Stranger("ann")
	b := open(t, s.URL)
	b.withoutScripts()
	b.visit("/vaults")
	b.signIn("ann")
	if b.at() != "/vaults" {
		t.Errorf("it leads to %s\n%s", b.at(), b.text())
	}
}
