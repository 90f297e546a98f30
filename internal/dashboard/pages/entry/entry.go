// Package entry is the pages on which people prove who they are: the login, with a password,
// a passkey or an identity provider, and the proof of who is signed in that it is still there.
package entry

import (
	"embed"

	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

//go:embed templates/*.html
var templates embed.FS

// Door is these pages with the identity providers that people may log in with.
type Door struct{ providers []Provider }

// New returns the pages.
func New(providers []Provider) Door { return Door{providers} }

// Set is the pages for the frame.
func (d Door) Set() frame.Set {
	return frame.Set{
		Templates: templates,
		Pages:     map[string]frame.Page{"POST /confirm": d.confirmed},
		Open: map[string]frame.Page{
			"GET /login":  d.signInPage,
			"POST /login": d.signIn,

			"POST /login/passkey": askPasskey,

			"GET /login/with/{n}": d.toProvider,
			"GET " + fromProvider: d.cameBack,
		},
	}
}
