// Package cli holds the commands that talk to a server: logging in, vaults,
// secrets, agents, policies and the audit log.
//
// Its promises: a secret value is never asked for on the command line, where other
// processes and the shell's history could see it; a stored login is sent only to
// the server that gave it; what goes to a pipe is plain text that does not change
// with the terminal; text from the server can not drive the terminal; nothing is
// destroyed without an answer from a person or --yes.
package cli

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

// Deps is what the commands use of the world. A nil func gets the real thing.
type Deps struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	IsTTY          func(stream any) bool
	Width          func(stream any) int // columns of a terminal, 0 where not known
	Prompt         console.Prompter
	HTTPClient     *http.Client
	After          func(time.Duration) <-chan time.Time // waits; a test need not
	Version        string
	// Become replaces this process by a program, as syscall.Exec does. Nil: programs are run beside it.
	Become func(path string, args, env []string) error
	// VerifyExport checks an exported audit log with the public key, offline.
	VerifyExport func(export io.Reader, publicKey string) (client.AuditReport, error)
}

// New returns the root command with all commands of this package. The caller may
// add others, and runs it with Execute.
func New(d Deps) *cobra.Command {
	con := console.New(console.Console{
		Stdin: d.Stdin, Stdout: d.Stdout, Stderr: d.Stderr, Getenv: d.Getenv, IsTTY: d.IsTTY, Width: d.Width, Prompt: d.Prompt,
	})
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.After == nil {
		d.After = time.After
	}
	c := &cli{
		Session: &session.Session{Console: con, Now: d.Now, HTTPClient: d.HTTPClient, Version: d.Version},
		after:   d.After, verifyExport: d.VerifyExport, become: d.Become,
	}
	root := &cobra.Command{
		Use:   "oneclaw",
		Short: "A vault for the secrets of AI agents",
		Long: `oneclaw keeps secrets in a vault and gives each agent the ones it was granted.

` + environmentHelp + `

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 not authenticated, 4 denied, 5 not found.
Commands that run a program end with the exit code of that program: 127 means that
there is no such program, and 126 that it can't be run.`,
		Version:           d.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { c.running = true; return c.checkFlags(cmd) },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              unknownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(d.Stdin)
	root.SetOut(d.Stdout)
	root.SetErr(d.Stderr)
	root.SetFlagErrorFunc(badFlag)
	root.SetContext(context.WithValue(context.Background(), stateKey{}, c))
	f := root.PersistentFlags()
	f.BoolVar(&c.JSON, "json", false, "print JSON, also for errors")
	f.StringVar(&c.APIURL, "api-url", "", "address of the server")
	f.StringVar(&c.vault, "vault", "", "name or id of the vault")
	f.StringVar(&c.CAFile, "ca-file", "", "trust the certificate authorities in this file (PEM), too")
	root.AddCommand(c.commands()...)
	root.SetHelpCommand(helpCommand())
	c.hideForeignFlags(root)
	return root
}

// Server is the address that commands use where nobody names one: of the environment, the
// stored login, or a `oneclaw dev` on this machine.
func Server(getenv func(string) string) (string, error) {
	s := session.Session{Console: console.New(console.Console{Getenv: getenv})}
	return s.BaseURL()
}

// stateKey finds the cli value of a root command again, in Execute.
type stateKey struct{}

const environmentHelp = `Environment: ONECLAW_BASE_URL or ONECLAW_API_URL (address of the server),
ONECLAW_TOKEN, ONECLAW_API_KEY, ONECLAW_AGENT_API_KEY (credential, in this order,
before a stored login), ONECLAW_VAULT_ID (vault), SSL_CERT_FILE (trusted certificate
authorities, in place of the system's), NO_COLOR.`

// hideForeignFlags leaves the flags for calling a server out of the help of
// commands that the caller adds, which do not read them.
func (c *cli) hideForeignFlags(root *cobra.Command) {
	c.ours = map[string]bool{root.Name(): true, "help": true}
	for _, cmd := range root.Commands() {
		c.ours[cmd.Name()] = true
	}
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, a []string) {
		for _, name := range []string{"json", "api-url", "ca-file", "vault"} {
			root.PersistentFlags().Lookup(name).Hidden = c.foreign(cmd) || name == "vault" && cmd.HasParent() && !worksInAVault(cmd)
		}
		out := cmd.OutOrStdout()
		var text strings.Builder
		cmd.SetOut(&text)
		help(cmd, a)
		cmd.SetOut(nil)                                     // the root's again
		_, _ = io.WriteString(out, wrapHelp(text.String())) // nobody is left to be told
	})
}
