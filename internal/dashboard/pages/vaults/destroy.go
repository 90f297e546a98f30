package vaults

import (
	"cmp"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// destruction is what somebody is shown before something goes: what it is, who has it
// now, and the name to type.
type destruction struct {
	Name    string // to be typed
	Text    string
	Readers []string
	Lost    []string // paths that go, or the first of them
	More    bool     // there are more
	Problem string
	Button  string
	Back    string
	Version int64              // where one version goes
	Place   client.EnvVarPlace // where the variable holds that goes
}

// typed reports whether the form has the name of what it is about.
func typed(v *frame.Visit, name string) bool { return v.Form("name") == name }

// readersOf is who reads or uses a path, for people.
func readersOf(w *client.WhoCan) []string {
	var who []string
	if w == nil {
		return nil
	}
	for i := range w.Principals {
		if b := &w.Principals[i]; b.Read.Allowed || b.Use.Allowed {
			who = append(who, cmp.Or(b.Name, b.PrincipalID))
		}
	}
	for i := range w.Shares {
		if s := &w.Shares[i]; s.Readable {
			who = append(who, cmp.Or(s.Name, cmp.Or(s.RecipientEmail, s.RecipientType)))
		}
	}
	return who
}

// warned is back for what was done with a warning: a page that says it stands between.
func warned(v *frame.Visit, to, done string, warnings ...string) error {
	if len(warnings) == 0 {
		return v.Back(to, done)
	}
	return v.Show(http.StatusOK, "warned", v.T(done), struct {
		Warnings []string
		Back     string
	}{warnings, to})
}
