package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/childenv"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/peer"
	"github.com/oneclaw-dev/oneclaw/internal/cli/child"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/fence"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/process"
)

func (c *cli) proxy() *cobra.Command {
	var set []string
	var deny, netns bool
	cmd := &cobra.Command{
		Use:   "proxy --env NAME=REF [-- PROGRAM [ARGUMENT...]]",
		Short: "Run a program that uses secrets without having them",
		Long: `Run a program that uses secrets without having them. Each variable holds a placeholder of
the shape that its service's tools expect. What the program sends goes through a proxy on
this machine; a request with a placeholder, to a host that the secret is bound to (see
` + "`oneclaw bind`" + `), is sent by the server with the secret in it, and the answer comes back
with the secret taken out. Every other host is reached as ever, or not at all with
--deny-unbound. A reference is a path, or oneclaw://VAULT/PATH, with #FIELD after it for
one field.

Without a program, the variables are printed for a shell, and the proxy runs until it is
interrupted. Then programs show a token that is in the variables; else the proxy knows by
the system which programs are the command's own, where that can be told (Linux).

--netns gives the program a network in which there is nothing but the proxy, so that it
can't leave the proxy out (Linux, where users may make namespaces). With --deny-unbound it
then reaches the hosts that its secrets are bound to, and no others.`,
		Example: `  oneclaw proxy --env GITHUB_TOKEN=ci/github -- gh pr list
  oneclaw proxy --env AWS_ACCESS_KEY_ID=aws#access_key_id --env AWS_SECRET_ACCESS_KEY=aws#secret_access_key -- aws s3 ls
  oneclaw proxy --netns --deny-unbound --env STRIPE_KEY=api-keys/stripe -- ./report
  oneclaw proxy --env OPENAI_API_KEY=ai/openai`,
		RunE: func(cmd *cobra.Command, a []string) error {
			refs, err := readGiven("env", "GITHUB_TOKEN=ci/github", set, false, map[string]bool{})
			if err != nil {
				return err
			}
			if len(refs) == 0 {
				return console.Usage("Name at least one secret with --env NAME=REF.")
			}
			if netns && len(a) == 0 {
				return console.Usage("--netns fences a program in: name one after --.")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			secrets, err := c.secretsOf(cmd.Context(), cl, refs)
			if err != nil {
				return err
			}
			return c.runProxy(cmd.Context(), childproxy.Config{Client: cl, Secrets: secrets, DenyUnbound: deny, Now: c.Now}, netns, a)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&set, "env", "e", nil, "a variable with the secret that its placeholder stands for, as NAME=REF")
	f.BoolVar(&deny, "deny-unbound", false, "refuse requests to hosts that no secret of this run is bound to")
	f.BoolVar(&netns, "netns", false, "give the program a network with nothing but the proxy in it")
	f.SetInterspersed(false) // what follows the program is the program's
	return cmd
}

// secretsOf finds the vaults of references. Nothing is read of the secrets.
func (c *cli) secretsOf(ctx context.Context, cl *client.Client, refs []given) ([]childproxy.Secret, error) {
	var out []childproxy.Secret
	for _, r := range refs {
		at, err := c.placeOf(ctx, cl, r.ref)
		if err != nil {
			return nil, of(r.name, err)
		}
		out = append(out, childproxy.Secret{Variable: r.name, Vault: at.vault, Path: at.path, Field: at.field})
	}
	return out, nil
}

func (c *cli) runProxy(ctx context.Context, cfg childproxy.Config, netns bool, program []string) error {
	run, network := child.Program{Args: program}, 0
	if netns {
		f, err := fence.Open(c.Stdin, c.Stdout, c.Stderr)
		if err != nil {
			return err
		}
		defer f.Close()
		run.Start, network, cfg.Listener = f.Become, f.Process(), f.Listener
	}
	process.Unreadable() // the credential that the server is asked with is in here
	cfg.ByToken, cfg.Ours = len(program) == 0 || !peer.Known(), oursIn(network)
	p, err := childproxy.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := c.unbound(ctx, &cfg, p.Unbound()); err != nil {
		return err
	}
	if on := p.OnThisMachine(); len(on) > 0 && !netns { // behind a fence there is no service of this machine
		c.Warn("Programs ask localhost, 127.0.0.1 and ::1 without a proxy, and then send the placeholder of " + strings.Join(on, ", ") + " as it is. For a service of this machine bind and use another address, such as 127.0.0.2.")
	}
	env, err := childenv.New(childenv.Setup{Proxy: p.URL(), CA: p.CA(), Getenv: c.Getenv})
	if err != nil {
		return err
	}
	defer env.Close()
	vars := maps.Clone(env.Vars)
	maps.Copy(vars, p.Placeholders())
	if len(program) == 0 {
		err = c.untilInterrupted(ctx, vars)
		c.warnOfRefused(p.Refused())
		return err
	}
	if version := childenv.OldNode(ctx, program[0]); version != "" {
		c.Warn("Node " + version + " has no proxy for fetch, so the placeholders would reach services as they are. Use Node 24, or 22.21.")
	}
	all := &client.ResolvedEnv{Vars: map[string]client.Value{}}
	for name, text := range vars {
		all.Vars[name] = client.ValueOf(text)
	}
	run.Env = environment(os.Environ(), all)
	err = c.runProgram(ctx, &run)
	c.warnOfRefused(p.Refused())
	return err
}

// unbound says of variables whose placeholder is good for nothing why that is, and refuses one whose secret is not
// there: it is misspelt.
func (c *cli) unbound(ctx context.Context, cfg *childproxy.Config, variables []string) error {
	for _, s := range cfg.Secrets {
		if !slices.Contains(variables, s.Variable) {
			continue
		}
		if _, there, err := cfg.Client.FindSecret(ctx, s.Vault, s.Path); err == nil && !there {
			return fault.New(fault.NotFound, "secret_not_found", "The secret of "+s.Variable+" is not there, or you may not see it, and its path "+word(s.Path)+
				" is bound to no host: its placeholder would be refused everywhere. See "+console.Quote("oneclaw secret list")+".")
		}
		c.Warn("The secret of " + s.Variable + " is bound to no host: its placeholder is refused everywhere. A human binds it with " +
			console.Quote("oneclaw bind "+word(s.Path)+" --host HOST") + ".")
	}
	return nil
}

// warnOfRefused says which hosts --deny-unbound kept a program from: of a tunnel that is refused most programs show the
// status alone.
func (c *cli) warnOfRefused(hosts []string) {
	if len(hosts) == 0 {
		return
	}
	c.Warn("--deny-unbound refused " + strings.Join(hosts, ", ") + ": no secret of this run is bound there. A human binds one with " + console.Quote("oneclaw bind PATH --host HOST") + ".")
}

// untilInterrupted prints the variables, which hold no secret, and waits.
func (c *cli) untilInterrupted(ctx context.Context, vars map[string]string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.JSON {
		if err := c.PrintJSON(map[string]any{"variables": vars}); err != nil {
			return err
		}
	} else {
		var text strings.Builder
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			fmt.Fprintf(&text, "export %s='%s'\n", name, strings.ReplaceAll(vars[name], "'", `'\''`))
		}
		if _, err := c.Stdout.Write([]byte(text.String())); err != nil {
			return err
		}
	}
	c.Note("Serving until Ctrl-C. Paste the lines into another shell.")
	<-ctx.Done()
	return nil
}

// oursIn reports of a connection in a process's network whether a program of this command is at
// its other end.
func oursIn(network int) func(net.Conn) bool {
	return func(conn net.Conn) bool {
		remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		local, err2 := netip.ParseAddrPort(conn.LocalAddr().String())
		return err == nil && err2 == nil && peer.Ours(peer.Conn{Remote: remote, Local: local, Network: network})
	}
}
