// Package own is the pages of a person's own account: the profile, the second factor, passkeys, logins
// and personal keys.
package own

import (
	"embed"

	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

//go:embed templates/*.html
var templates embed.FS

// Set is the pages for the frame.
func Set() frame.Set {
	return frame.Set{
		Templates: templates,
		Pages:     frame.Pages(settingsPages, passkeyPages),
	}
}
