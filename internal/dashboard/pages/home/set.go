// Package home is the first page: what agents did, and what waits for the person.
package home

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
		Pages:     map[string]frame.Page{"GET /{$}": home},
	}
}
