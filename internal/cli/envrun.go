package cli

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/child"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// exited is the error of a program that ended with another code than 0. It has said
// itself what went wrong.
type exited int

// Error implements error.
func (e exited) Error() string { return "The program ended with code " + strconv.Itoa(int(e)) + "." }

func (c *cli) envRun() *cobra.Command {
	var at client.EnvVarPlace
	cmd := &cobra.Command{
		Use:   "run -- PROGRAM [ARGUMENT...]",
		Short: "Run a program with the environment variables that hold",
		Long: `Run a program with the environment variables that hold, beside those that there are.
Nothing of them is printed. The program does not get the credential that oneclaw is
used with, and oneclaw ends with its exit code.`,
		Example: `  oneclaw env run -e production -- ./server --port 8080`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return console.Usage("Missing PROGRAM. Usage: " + cmd.UseLine())
			}
			return nil
		},
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			found, err := cl.ResolveEnvVars(ctx, vault, at)
			if err != nil {
				return err
			}
			c.sayUnheld(found, at)
			env := environment(os.Environ(), found)
			wipeAll(found)
			return c.runProgram(ctx, &child.Program{Args: a, Env: env, Become: c.become})
		}),
	}
	cmd.Flags().SetInterspersed(false) // what follows the program is the program's
	return placeFlags(cmd, &at)
}

// sayUnheld says that an environment or a branch was named that no variable is of: it may
// be misspelt, and the program would run with others' values, or with none.
func (c *cli) sayUnheld(found *client.ResolvedEnv, at client.EnvVarPlace) {
	of := slices.Collect(maps.Values(found.Sources))
	switch {
	case len(of) == 0 && at.Environment == "" && at.GitBranch == "":
		c.Warn("There is no environment variable that holds; the program runs without any.")
	case len(of) == 0:
		c.Warn("No environment variable holds" + where([]string{cmp.Or(at.Environment, "all")}, at.GitBranch) + "; the program runs without any. See `oneclaw env list`.")
	case at.Environment != "" && at.Environment != "all" && !slices.Contains(of, "environment") && !slices.Contains(of, "branch"):
		c.Warn("No environment variable is of " + at.Environment + " alone; the program gets those of all environments.")
	}
}

// mcpToken holds a credential that `oneclaw mcp` alone is used with.
const mcpToken = "ONECLAW_AGENT_TOKEN"

// environment is what a program gets: the variables that hold go before those that there
// are, and credentials of this program are left out.
func environment(there []string, found *client.ResolvedEnv) []string {
	out := slices.DeleteFunc(slices.Clone(there), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, set := found.Vars[name]
		return set || name == mcpToken || slices.Contains(session.CredentialVars[:], name)
	})
	for _, key := range keysOf(found) {
		out = append(out, key+"="+string(found.Vars[key].Reveal()))
	}
	return out
}

// runProgram runs a program on the streams of this one.
func (c *cli) runProgram(ctx context.Context, p *child.Program) error {
	p.Stdin, p.Stdout, p.Stderr = c.Stdin, c.Stdout, c.Stderr
	code, err := p.Run(ctx)
	switch {
	case err == nil && code != 0:
		return exited(code)
	case fault.CodeOf(err) == child.CodeNone, fault.CodeOf(err) == child.CodeNotStarted:
		return of(p.Args[0], err)
	}
	return err
}

func keysOf(found *client.ResolvedEnv) []string { return slices.Sorted(maps.Keys(found.Vars)) }

func wipeAll(found *client.ResolvedEnv) {
	for _, value := range found.Vars {
		value.Wipe()
	}
}
