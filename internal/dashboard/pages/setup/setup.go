// Package setup is the page on which the first owner of a server without users is made. It
// takes the code that the server printed as it started, so that no stranger who comes first
// owns it, and leads elsewhere once there is an owner.
package setup

import (
	"context"
	"embed"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

//go:embed templates/*.html
var templates embed.FS

// Set is the page for the frame. unowned reports whether the server has no users.
func Set(unowned func(context.Context) bool) frame.Set {
	s := site{unowned}
	return frame.Set{
		Templates: templates,
		Open:      map[string]frame.Page{"GET /setup": s.ask, "POST /setup": s.make},
	}
}

type site struct{ unowned func(context.Context) bool }

// form is what was filled in. The password is not shown again.
type form struct{ Code, Email, Name, Problem string }

func (s site) ask(v *frame.Visit) error {
	if !s.unowned(v.R.Context()) {
		return v.Redirect("/")
	}
	return v.Show(http.StatusOK, "setup", v.T("Set up this server"), form{})
}

func (s site) make(v *frame.Visit) error {
	f := form{Code: v.Form("code"), Email: v.Form("email"), Name: v.Form("name")}
	made, err := v.API.Setup(v.R.Context(), v.Form("code"), f.Email, client.ValueOf(v.R.PostFormValue("password")), f.Name)
	switch {
	case client.IsStatus(err, http.StatusConflict):
		return v.Redirect("/login") // another was first
	case client.IsStatus(err, http.StatusForbidden), frame.Retry(err):
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "setup", v.T("Set up this server"), f)
	case err != nil:
		return err
	}
	return v.LetIn(string(made.AccessToken.Reveal()), "/")
}
