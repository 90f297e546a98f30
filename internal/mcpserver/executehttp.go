package mcpserver

import (
	"context"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/client"
)

// executeHTTP has the server send a request with the credential of a binding. The model sees the
// answer, and no credential.
func executeHTTP(ctx context.Context, s *session, in input) (string, error) {
	agent, err := s.agent(ctx)
	if err != nil {
		return "", err
	}
	params := map[string]any{"method": in.text("method"), "path": in.text("path")}
	if raw := in.object("headers"); raw != nil {
		headers := map[string]string{}
		if json.Unmarshal(raw, &headers) != nil {
			return "", notice("Parameter 'headers' must be a JSON object whose values are strings.")
		}
		params["headers"] = headers
	}
	if raw := in.object("body"); raw != nil {
		params["body"] = raw
	}
	r := client.ExecutionRequest{Binding: in.text("binding"), Intent: "http", Mode: in.text("execution_mode")}
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
