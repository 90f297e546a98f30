package signedin

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
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
func (v *visit) typed(name string) bool { return v.form("name") == name }

// readersOf is who reads or uses a path, for people.
func readersOf(w *client.WhoCan) []string {
	var who []string
	if w == nil {
		return nil
	}
	for i := range w.Principals {
		if b := &w.Principals[i]; b.Read.Allowed || b.Use.Allowed {
			who = append(who, nameOr(b.Name, b.PrincipalID))
		}
	}
	for i := range w.Shares {
		if s := &w.Shares[i]; s.Readable {
			who = append(who, nameOr(s.Name, nameOr(s.RecipientEmail, s.RecipientType)))
		}
	}
	return who
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// warned is back for what was done with a warning: a page that says it stands between.
func (v *visit) warned(to, done string, warnings ...string) error {
	if len(warnings) == 0 {
		return v.back(to, done)
	}
	return v.show(http.StatusOK, "warned", v.t(done), struct {
		Warnings []string
		Back     string
	}{warnings, to})
}
