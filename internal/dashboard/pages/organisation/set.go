// Package organisation is the pages of an organisation: its members, networks and usage, and
// those of who runs the server for all of them.
package organisation

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
		Pages:     frame.Pages(organisationPages, usagePages, adminPages),
	}
}
