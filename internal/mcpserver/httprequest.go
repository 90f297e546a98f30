package mcpserver

import (
	"context"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/client"
)

// httpRequest has the server send a request with secrets in it. The model sees the answer, and
// no secret.
func httpRequest(ctx context.Context, s *session, in input) (string, error) {
	r := client.HTTPRequest{Method: in.text("method"), URL: in.text("url"), Body: in.object("body"), VaultID: s.named}
	for _, f := range []struct {
		name string
		to   *map[string]string
	}{{"headers", &r.Headers}, {"query", &r.Query}} {
		if raw := in.object(f.name); raw != nil && json.Unmarshal(raw, f.to) != nil {
			return "", notice("Parameter '" + f.name + "' must be a JSON object whose values are strings.")
		}
	}
	got, err := s.api.SendRequest(ctx, r)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(got)
	return string(text), err
}
