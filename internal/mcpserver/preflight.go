package mcpserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// preflightTime bounds how long a session waits for a server that does not answer before
// it begins.
const preflightTime = 5 * time.Second

// preflight tries the credential and the configured vault. A credential that is refused is
// an error, since no tool would ever work with it: an MCP client shows people a program
// that ended, and shows only the model what tools answer. What may yet be mended while the
// session goes on, such as a server that is not there, is one line of the log, and works is
// false.
func preflight(ctx context.Context, c *client.Client, vault *vaultChoice, log *slog.Logger) (works bool, err error) {
	look, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	defer contain(ctx, log, "the preflight", func() {})
	found := tryAgent(look, c)
	if fault.Is(found, fault.Unauthenticated) {
		return false, found
	}
	if found == nil && vault.fixed != "" {
		found = tryVault(look, c, vault)
	}
	if found == nil || ctx.Err() != nil {
		return true, nil
	}
	reason := "internal error"
	if n, ok := errors.AsType[notice](found); ok {
		reason = string(n)
	} else if e, ok := errors.AsType[*client.Error](found); ok {
		reason = e.Error()
		if e.Code == client.CodeUnreachable {
			reason += " Start the server, or set ONECLAW_BASE_URL to its address in the configuration of the MCP client. The tools work as soon as it answers."
		}
	}
	log.WarnContext(ctx, "the tools will not work until this is mended", slog.String("reason", reason))
	return false, nil
}

// tryAgent needs no more than the exchange of a key, whose token the tools then use.
func tryAgent(ctx context.Context, c *client.Client) error {
	variable := "ONECLAW_AGENT_API_KEY"
	token, err := c.Session(ctx)
	if err == nil && token == nil {
		variable = "ONECLAW_AGENT_TOKEN"
		_, err = c.AgentMe(ctx)
	}
	if client.IsStatus(err, http.StatusUnauthorized) {
		return fault.New(fault.Unauthenticated, "wrong_credential",
			variable+" is wrong, expired or revoked, or its agent is not active or not yet accepted. Put a good one into the configuration of the MCP client, and start it again.")
	}
	return err
}

func tryVault(ctx context.Context, c *client.Client, vault *vaultChoice) error {
	id, _, err := vault.pick(ctx, c, nil, "")
	if err != nil {
		return err
	}
	_, err = c.Vault(ctx, id)
	if client.IsStatus(err, http.StatusNotFound) {
		return vault.wrong()
	}
	return err
}
