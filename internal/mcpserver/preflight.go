package mcpserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// preflightTime bounds how long the end of a session can wait for a server that is not
// there.
const preflightTime = 5 * time.Second

// preflight tries the credential and the configured vault, and logs one line when
// they do not work: people see it when they set a client up, while the tools tell
// only the model.
func preflight(ctx context.Context, c *client.Client, vault *vaultChoice, log *slog.Logger) {
	look, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	defer contain(ctx, log, "the preflight", func() {})
	err := tryAgent(look, c)
	if err == nil && vault.fixed != "" {
		err = tryVault(look, c, vault)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	reason := "internal error"
	if n, ok := errors.AsType[notice](err); ok {
		reason = string(n)
	} else if e, ok := errors.AsType[*client.Error](err); ok {
		reason = e.Error()
	}
	log.WarnContext(ctx, "the tools will not work until this is mended", slog.String("reason", reason))
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
		return notice(variable + " is wrong, expired or revoked.")
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
