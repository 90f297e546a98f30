// Package vaults is the pages of vaults and what is in them: secrets and their versions, the
// environment, policies, who reaches what, where it may be used, shares, and the search.
package vaults

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
		Pages:     frame.Pages(vaultPages, secretPages, bindingPages, policyPages, sharePages, environmentPages, searchPages),
	}
}
