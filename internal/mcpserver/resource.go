package mcpserver

import (
	"context"
	"log/slog"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// addSecretsResource offers the whole listing as data: no values.
func addSecretsResource(s *mcp.Server, log *slog.Logger, current func(context.Context) *session) {
	s.AddResource(&mcp.Resource{
		URI: secretsURI, Name: "secrets", Title: "Secrets in the vault", MIMEType: "application/json",
		Description: "Path, type, version and expiry of every secret that this agent may see. No values.",
	}, func(ctx context.Context, _ *mcp.ReadResourceRequest) (res *mcp.ReadResourceResult, err error) {
		defer contain(ctx, log, secretsURI, func() {
			res, err = nil, &jsonrpc.Error{Code: codeRefused, Message: "Internal error."}
		})
		sess := current(ctx).calling("")
		text, err := secretsJSON(ctx, sess)
		if err != nil {
			return nil, &jsonrpc.Error{Code: codeRefused, Message: tool{name: "list_secrets"}.explain(sess, err)}
		}
		res = &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: secretsURI, MIMEType: "application/json", Text: text}}}
		if sess.note != "" {
			res.Contents = append(res.Contents, &mcp.ResourceContents{URI: secretsURI, MIMEType: "text/plain", Text: sess.note})
		}
		return res, nil
	})
}

func secretsJSON(ctx context.Context, s *session) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	type item struct {
		Path      string     `json:"path"`
		Type      string     `json:"type"`
		Version   int64      `json:"version"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	items := []item{}
	for m, err := range s.api.Secrets(ctx, vault, "") {
		if err != nil {
			return "", err
		}
		items = append(items, item{m.Path, m.Type, m.Version, m.ExpiresAt})
	}
	return asJSON("", items)
}
