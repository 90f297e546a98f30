// Package agents is the pages of agents: what each is and reaches, its keys, the guardrails of
// its transactions and how its calls of models are looked at.
package agents

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
		Pages:     agentPages,
	}
}
