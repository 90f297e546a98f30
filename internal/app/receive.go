package app

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// receive lets messages to /mcp in through the API's budgets.
func (a *App) receive(w http.ResponseWriter, r *http.Request, limit int64) (*mcpserver.Received, error) {
	got, err := a.api.Receive(w, r, limit)
	if err != nil {
		return nil, asClient(err)
	}
	var sees mcpserver.Sight
	if got.Caller.Kind == policy.KindAgent {
		sees = sight{a.vault, got}
	}
	return &mcpserver.Received{
		Sees:    sees,
		Message: got.Body, Sender: got.Caller.ID, Context: got.Context,
		Room:    func(n int) error { return asClient(got.Room(n)) },
		Write:   func(b []byte) { _, _ = got.Write(b) }, // fails when the client is gone, or does not read
		Done:    got.Done,
		Refused: func(status int, reason string) error { return asClient(got.Refused(status, reason)) },
	}, nil
}

// sight is what an agent sees, as GET /v1/vaults decides it.
type sight struct {
	vaults *vault.Service
	got    *gate.Received
}

// Agent implements mcpserver.Sight.
func (s sight) Agent() string { return s.got.Caller.ID }

// Vaults implements mcpserver.Sight.
func (s sight) Vaults(ctx context.Context) []client.Vault {
	all, err := s.vaults.All(ctx, s.got.Question())
	if err != nil {
		return nil
	}
	out := make([]client.Vault, len(all))
	for i := range all {
		out[i] = client.Vault{ID: all[i].ID, Name: all[i].Name}
	}
	return out
}

// Vault implements mcpserver.Sight.
func (s sight) Vault(ctx context.Context, id string) bool {
	_, err := s.vaults.Get(ctx, s.got.Question(), id)
	return err == nil
}

// asClient is a refusal as a client of the API sees it.
func asClient(err error) error {
	if err == nil {
		return nil
	}
	p := httpapi.ProblemOf(err)
	return &client.Error{Status: p.Status, Code: p.Code, Detail: p.Detail, RetryAfter: p.RetryAfter()}
}
