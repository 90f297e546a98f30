package mcpserver

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/client"
)

// session is one agent at work: what every tool gets.
type session struct {
	api     *client.Client
	sees    Sight  // may be nil
	text    *aside // nil on stdio
	vault   *vaultChoice
	who     string // whose turns its calls take
	refused func() // the API did not take the credential; may be nil
}

// inVault returns the vault that the session works in.
func (s *session) inVault(ctx context.Context) (string, error) {
	return s.vault.pick(ctx, s.api, s.sees)
}
