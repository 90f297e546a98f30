package mcpserver

import (
	"context"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
)

// Bundle is what a value of type env_bundle becomes.
func Bundle(text string) (out string, line int, why string) {
	all, line, why := envbundle.Read([]byte(text))
	return string(bundleJSON(all)), line, why
}

// HandlerOf returns a tool's handler, for tests that send what no client encodes.
func HandlerOf(c *client.Client, name string) (mcp.ToolHandler, error) {
	s := &session{api: c, vault: &vaultChoice{}}
	for _, t := range tools() {
		if t.name == name {
			return t.handler(logger(nil), func(context.Context) *session { return s }), nil
		}
	}
	return nil, errors.New("no such tool")
}

// Unpack is what a message over HTTP goes through.
var Unpack = unpack
