package app

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// receive lets messages to /mcp in through the API's budgets.
func (a *App) receive(w http.ResponseWriter, r *http.Request, limit int64) (*mcpserver.Received, error) {
	got, err := a.api.Receive(w, r, limit)
	if err != nil {
		return nil, asClient(err)
	}
	return &mcpserver.Received{
		Message: got.Body, Sender: got.Caller.ID, Context: got.Context,
		Room:  func(n int) error { return asClient(got.Room(n)) },
		Write: func(b []byte) { _, _ = got.Write(b) }, // fails when the client is gone, or does not read
		Done:  got.Done,
	}, nil
}

// asClient is a refusal as a client of the API sees it.
func asClient(err error) error {
	if err == nil {
		return nil
	}
	p := httpapi.ProblemOf(err)
	return &client.Error{Status: p.Status, Code: p.Code, Detail: p.Detail, RetryAfter: p.RetryAfter()}
}
