package mcpserver

import (
	"context"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/client"
)

// executeQuery has the server run a statement with the credential of a binding. The model sees the
// rows, and no credential.
func executeQuery(ctx context.Context, s *session, in input) (string, error) {
	agent, err := s.agent(ctx)
	if err != nil {
		return "", err
	}
	params := map[string]any{"query": in.text("query")}
	if raw := in.object("params"); raw != nil {
		var all []json.RawMessage
		if json.Unmarshal(raw, &all) != nil {
			return "", notice("Parameter 'params' must be a JSON list.")
		}
		params["params"] = all
	}
	r := client.ExecutionRequest{Binding: in.text("binding"), Intent: "postgres"}
	if r.Params, err = json.Marshal(params); err != nil {
		return "", err
	}
	got, err := s.api.Execute(ctx, agent, r)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(got)
	return string(text), err
}
