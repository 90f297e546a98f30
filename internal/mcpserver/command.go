package mcpserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Deps is what the command takes from its process.
type Deps struct {
	Version string
	Getenv  func(string) string
	Stdin   io.ReadCloser
	Stdout  io.Writer // the protocol, and nothing else
	Stderr  io.Writer // log lines
	// Server is the address that the other commands use where no variable names one: that of the
	// stored login, or of a server on this machine. Nil, or an error: there is none.
	Server func() (string, error)
}

const defaultBaseURL = "http://127.0.0.1:8210"

// Command returns "oneclaw mcp": the tools on standard input and output, for an
// MCP client that starts this program.
func Command(d Deps) *cobra.Command {
	plain, caFile := false, ""
	c := &cobra.Command{
		Use:   "mcp",
		Short: "Serve the vault to one AI agent over MCP on stdin and stdout",
		Long: `Serve the vault to one AI agent over the Model Context Protocol on standard
input and output. An MCP client starts this command; it is not for typing. It ends
at once, with the reason, when the server refuses the agent's key.

Environment:
  ONECLAW_AGENT_API_KEY  the agent's key (ocv_...), required
  ONECLAW_BASE_URL       the server; if not set, that of ` + "`oneclaw login`" + ` or of the
                         ` + "`oneclaw dev`" + ` of this machine, or ` + defaultBaseURL + `
  ONECLAW_VAULT_ID       the id (or name) of the vault to use, if the agent can
                         reach several
  SSL_CERT_FILE          trusted certificate authorities (PEM), in place of the
                         system's; --ca-file adds to those instead

Example of a client's configuration:
  {"mcpServers": {"oneclaw": {"command": "oneclaw", "args": ["mcp"], "env": {
    "ONECLAW_BASE_URL": "` + defaultBaseURL + `", "ONECLAW_AGENT_API_KEY": "ocv_..."}}}}`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true, // an MCP client shows stderr to people: keep it to the reason
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return d.run(ctx, plain, caFile)
		},
	}
	c.Flags().BoolVar(&plain, "allow-plain-http", false, "allow http:// to another machine: the key and all values then cross the network unprotected")
	c.Flags().StringVar(&caFile, "ca-file", "", "trust the certificate authorities in this file (PEM), too")
	return c
}

func (d Deps) run(ctx context.Context, plain bool, caFile string) error {
	c, err := d.connect(plain, caFile)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(d.Stderr, nil))
	vault := &vaultChoice{fixed: strings.TrimSpace(d.Getenv("ONECLAW_VAULT_ID")), setting: vaultVariable}
	s := newServer(Config{Client: c, Version: d.Version, Log: log}, vault)
	works, err := preflight(ctx, c, vault, log)
	if err != nil {
		return err
	}
	began, err := runStdio(ctx, s, d.Stdin, d.Stdout)
	if err == nil && !works && !began && ctx.Err() == nil {
		return errNeverBegan
	}
	return err
}

// errNeverBegan is of a session that could not have worked, and that no client wanted: it was
// tried by hand, or by a script that checks an installation.
var errNeverBegan = fault.New(fault.Unavailable, "session_never_began", "The input ended before an MCP client began a session, and none would have worked: the line before says why.")

// address is that of the server.
func (d Deps) address() string {
	for _, name := range []string{"ONECLAW_BASE_URL", "ONECLAW_API_URL"} { // the second is what the other commands take, too
		if base := strings.TrimSpace(d.Getenv(name)); base != "" {
			return base
		}
	}
	if d.Server != nil {
		if base, err := d.Server(); err == nil && base != "" {
			return base
		}
	}
	return defaultBaseURL
}

// connect reads the environment. ONECLAW_AGENT_TOKEN, a ready token, is what older
// configurations hold in place of a key.
func (d Deps) connect(plain bool, caFile string) (*client.Client, error) {
	base := d.address()
	opts := []client.Option{client.WithUserAgent("oneclaw-mcp/" + d.Version), client.WithPatience(0)}
	key, token := strings.TrimSpace(d.Getenv("ONECLAW_AGENT_API_KEY")), strings.TrimSpace(d.Getenv("ONECLAW_AGENT_TOKEN"))
	switch {
	case strings.HasPrefix(key, "ocv_"):
		opts = append(opts, client.WithAgentKey(key))
	case key != "":
		return nil, errors.New("ONECLAW_AGENT_API_KEY must be an agent's key, which begins with ocv_; make one with 'oneclaw agent create'")
	case token != "":
		opts = append(opts, client.WithToken(token))
	default:
		return nil, errors.New("set ONECLAW_AGENT_API_KEY to the agent's key (ocv_...); 'oneclaw agent create' makes an agent and shows its key once")
	}
	if caFile != "" {
		opts = append(opts, client.WithCAFile(caFile))
	}
	if plain {
		opts = append(opts, client.WithPlainHTTP())
	}
	c, err := client.New(base, opts...)
	if err == nil {
		return c, nil
	}
	if _, otherwise := client.New(base, append(opts, client.WithPlainHTTP())...); otherwise == nil {
		return nil, errors.New("ONECLAW_BASE_URL: http:// is for this machine only; use https://, or start 'oneclaw mcp' with --allow-plain-http")
	}
	return nil, errors.New("oneclaw mcp: " + strings.TrimPrefix(err.Error(), "client: "))
}
