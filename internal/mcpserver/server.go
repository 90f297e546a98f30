// Package mcpserver offers a vault to AI agents over the Model Context Protocol:
// the same tools on standard input and output, and on streamable HTTP.
//
// Its promises: every tool does what one call of the public API does, with the
// caller's own credential, so nothing can be had here that the API refuses, but for
// inspect_content, which computes and asks nobody; no
// error repeats what was sent, but for the path of a secret that is not there; a
// value enters a result only where the tool says that it brings one, and never a
// log; a failing tool harms neither the session nor the process.
//
// Tool names, parameters, defaults and texts are those that clients of the wire
// contract know. Deviations are noted where they are made.
package mcpserver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Config says whose tools they are.
type Config struct {
	Client  *client.Client // carries the agent's credential
	VaultID string         // id or name of the vault that secret tools use; "" lets the server choose one
	Version string         // of this program, told to clients
	Log     *slog.Logger   // nil drops what goes wrong inside a tool
}

// New returns a server for one agent. It makes no request: a server that can not
// be reached shows in the tools' results.
func New(cfg Config) (*mcp.Server, error) {
	if cfg.Client == nil {
		return nil, errors.New("mcpserver: a client is needed")
	}
	return newServer(cfg, &vaultChoice{fixed: cfg.VaultID, setting: vaultVariable}), nil
}

func newServer(cfg Config, vault *vaultChoice) *mcp.Server {
	s := &session{api: cfg.Client, vault: vault}
	return build(cfg.Version, cfg.Log, func(context.Context) *session { return s })
}

// guide is what a client may put in front of its model.
const guide = `A vault for API keys, passwords and other secrets. list_secrets and describe_secret show what there is without values. ` +
	`http_request, execute_http, execute_query and totp_code have the server use a secret and show no value: prefer them. ` +
	`get_secret and get_env_bundle bring values into this conversation: call them only when a value is needed now, and do not repeat it. ` +
	`put_secret and rotate_and_store save values, keeping older versions. ` +
	`With several vaults, list_vaults shows them and vault_id names one for a call. ` +
	`submit_transaction signs and sends a payment or call on an EVM chain with a key that stays in the vault. ` +
	`request_secret asks a person for a secret that is missing, outside this conversation. ` +
	`An error about access means that a human must grant it: say which path you need instead of trying others.`

// build makes a server whose tools work for the session that current returns.
func build(version string, log *slog.Logger, current func(context.Context) *session) *mcp.Server {
	log = logger(log)
	// Nothing here changes or logs, so neither is announced.
	capabilities := &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}, Resources: &mcp.ResourceCapabilities{}}
	// Clients of the contract know the name "1claw"; people see the title.
	s := mcp.NewServer(&mcp.Implementation{Name: "1claw", Title: "oneclaw", Version: version}, &mcp.ServerOptions{
		Instructions: guide,
		Capabilities: capabilities,
		// The library's own word is "public", and what one agent sees is not another's.
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) { c.CacheScope = "private" },
	})
	for _, t := range tools() {
		s.AddTool(t.declare(), t.handler(log, current))
	}
	addSecretsResource(s, log, current)
	s.AddReceivingMiddleware(nothingChanges, discovering(capabilities), onlySome(maxAtWork, current))
	return s
}

// discovering answers server/discover. The library takes it for the beginning of a session
// without initialize, and refuses the initialize of clients that only ask first what there is.
func discovering(can *mcp.ServerCapabilities) mcp.Middleware {
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if method != "server/discover" {
				return next(ctx, method, req)
			}
			return &mcp.DiscoverResult{
				SupportedVersions: mcp.SupportedProtocolVersions(), Capabilities: can, Instructions: guide,
				Cacheable: mcp.Cacheable{CacheScope: "private"},
			}, nil
		}
	}
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// nothingChanges refuses to keep a request open for news that never come.
func nothingChanges(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if method == "subscriptions/listen" {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound}
		}
		return next(ctx, method, req)
	}
}
