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

	named string // of one call: the vault that it asks for
	note  string // and what to tell of the vault that it got
}

// calling is the session for one call, which may name a vault.
func (s *session) calling(vault string) *session {
	one := *s
	one.named, one.note = vault, ""
	return &one
}

// inVault returns the vault that the call works in.
func (s *session) inVault(ctx context.Context) (id string, err error) {
	id, s.note, err = s.vault.pick(ctx, s.api, s.sees, s.named)
	return id, err
}
