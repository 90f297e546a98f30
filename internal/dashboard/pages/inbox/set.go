// Package inbox is the pages of what waits for a person: approvals, secrets that agents lack,
// and agents that ask to be let in.
package inbox

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
		Pages:     inboxPages,
	}
}
