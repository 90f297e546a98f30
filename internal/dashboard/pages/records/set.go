// Package records is the pages of what was done: the audit log, calls of models, and
// transactions with the chains that they are on.
package records

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
		Pages:     frame.Pages(auditPages, transactionPages, modelPages),
		Unasked:   map[string]frame.Page{"GET /audit/tail": auditTail},
	}
}
