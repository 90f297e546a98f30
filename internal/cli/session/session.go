// Package session is who a command is at a server: the address of the server, the
// credential to use there, the login that is stored on this machine, and how a person
// signs in.
//
// Its promise: a stored login is sent only to the server that gave it, and no credential
// is printed.
package session

import (
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// Session is how commands reach a server.
type Session struct {
	*console.Console
	Now        func() time.Time
	HTTPClient *http.Client // nil for the client's own
	Version    string       // of this program
	APIURL     string       // of the flag
	CAFile     string       // of the flag
	// Person is how the owner of the stored login signs in once more where the running
	// command has flags for it; nil where it has none.
	Person *PersonFlags
}
