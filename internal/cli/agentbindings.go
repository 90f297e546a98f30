package cli

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// agentBindingFlags are what a binding is made of.
type agentBindingFlags struct {
	config       client.BindingConfig
	rails        client.AgentGuardrails
	headers      []string
	readOnly     bool
	writes       bool
	in, user     string
	from, secret string
	database     bool // the binding is one of a database
}

func (b *agentBindingFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.config.BaseURL, "url", "", "where the service is, such as https://api.stripe.com/v1; of graphql its endpoint")
	f.StringArrayVarP(&b.headers, "header", "H", nil, "a header of every request, as 'NAME: VALUE'; no credential")
	f.StringSliceVar(&b.rails.Hosts, "host", nil, "hosts that are allowed; none: that of --url or --db-host")
	f.StringSliceVar(&b.rails.Paths, "path", nil, "patterns of paths that are allowed, such as /v1/**; none: all")
	f.StringSliceVar(&b.rails.Methods, "method", nil, "methods that are allowed; none: all")
	f.BoolVar(&b.readOnly, "read-only", false, "GET, HEAD and OPTIONS alone; of graphql queries alone")
	f.StringVar(&b.config.Host, "db-host", "", "of postgres: the server's name or address")
	f.Int64Var(&b.config.Port, "db-port", 0, "of postgres: its port (5432)")
	f.StringVar(&b.config.Database, "database", "", "of postgres: the database")
	f.StringVar(&b.config.SSLMode, "sslmode", "", "of postgres: verify-full (the default), or disable for a host that the operator allowed")
	f.BoolVar(&b.writes, "writes", false, "of postgres: statements may change rows; without it they only read")
	f.Int64Var(&b.rails.Rows, "max-rows", 0, "of postgres: how many rows an answer has (1000)")
	f.StringVar(&b.config.TokenURL, "token-url", "", "where --in oauth2 gets access tokens")
	f.StringVar(&b.config.Scope, "scope", "", "what --in oauth2 asks for, with blanks")
	f.StringVar(&b.config.TokenAuth, "token-auth", "", "how --in oauth2 shows the client's secret: basic or body (basic)")
	f.Int64Var(&b.rails.PerMinute, "per-minute", 0, "how many requests a minute; 0 for any number")
}

func (b *agentBindingFlags) credentialFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.in, "in", "", "where the credential goes: bearer (the default), basic, header:NAME, query:NAME or oauth2")
	f.StringVar(&b.user, "user", "", "user name of basic and of postgres, where the credential is the password alone")
	f.StringVar(&b.from, "from-file", "", "file that holds the credential (- for stdin)")
	f.StringVar(&b.secret, "secret", "", "a secret that you may read, by its path in the vault, instead of a credential of its own")
}

const oauth2 = "oauth2"

// bounds are the guardrails that the flags say.
func (b *agentBindingFlags) bounds() (*client.AgentGuardrails, error) {
	if b.readOnly && b.writes {
		return nil, console.Usage("--writes goes without --read-only.")
	}
	if b.readOnly || b.writes {
		b.rails.ReadOnly = new(b.readOnly)
	}
	return &b.rails, nil
}

// credential asks for the credential, or names the secret that it is.
func (c *cli) credential(ctx context.Context, cl *client.Client, b *agentBindingFlags) (*client.AgentCredential, error) {
	if b.database {
		b.config.Username, b.user = b.user, ""
	}
	if b.in == oauth2 {
		b.config.AuthType = oauth2
	}
	if b.secret != "" {
		if b.in != "" && b.in != oauth2 || b.user != "" || b.from != "" {
			return nil, console.Usage("--secret goes without --from-file, with --in for oauth2 alone, and with --user for postgres alone.")
		}
		vault, err := c.theVault(ctx, cl)
		return &client.AgentCredential{Vault: vault, Path: b.secret}, err
	}
	kind, name, named := strings.Cut(b.in, ":")
	switch {
	case (kind == "header" || kind == "query") && name != "", (kind == "" || kind == "bearer" || kind == "basic" || kind == oauth2) && !named:
	default:
		return nil, console.Usage("--in takes bearer, basic, header:NAME, query:NAME or oauth2.")
	}
	if b.user != "" && kind != "basic" {
		return nil, console.Usage("--user goes with --in basic.")
	}
	v, err := c.ReadValue(ctx, b.from, "Credential", false)
	if err == nil && kind == oauth2 && !json.Valid(v.Reveal()) {
		v.Wipe()
		err = console.Usage("With --in oauth2 the credential is JSON with client_id and client_secret, refresh_token or both.")
	}
	if err == nil && kind == "basic" {
		b.config.AuthType = "basic"
	}
	return &client.AgentCredential{Value: v, In: b.in, User: b.user}, err
}

func (c *cli) agentBindingAdd() *cobra.Command {
	var b agentBindingFlags
	var kind string
	cmd := &cobra.Command{
		Use:   "add AGENT NAME",
		Short: "Let an agent work with a service by a credential that it never sees",
		Long: `Let an agent work with a service by a credential that it never sees. The agent has the server
send requests with ` + "`oneclaw agent execute`" + `, the MCP tool execute_http or the API, within the bounds that
are given here; it gets the answers with the credential taken out. The credential is read
from --from-file, from stdin, or from a hidden prompt on a terminal; it is never an
argument. With --secret it is a secret of a vault, for as long as you may read that. Where the
server wants your password, too, it is asked for on a terminal, or read from --password-file:
stdin brings one of the two.
` + "`update`" + ` changes a binding, and ` + "`rotate`" + ` replaces its credential. A binding is of the agent
alone: where a secret of a vault may be used by anybody who may use it, ` + "`oneclaw bind`" + ` says.
The agent must be allowed to execute: see --executions of ` + "`oneclaw agent update`" + `.`,
		Example: `  oneclaw agent bindings add builder stripe --url https://api.stripe.com/v1 --path '/v1/charges/**' --method GET
  oneclaw agent bindings add builder linear --type graphql --url https://api.linear.app/graphql --in header:Authorization --read-only
  oneclaw agent bindings add builder shop --type postgres --db-host db.example.com --database shop --user reader
  oneclaw agent bindings add builder local --type postgres --db-host 127.0.0.1 --database app --user app --sslmode disable
  oneclaw agent bindings add builder crm --url https://api.example.com --in oauth2 --token-url https://login.example.com/token`,
		Args: args("AGENT", "NAME"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := agentID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if b.config.Headers, err = headersOf(b.headers); err != nil {
				return err
			}
			rails, err := b.bounds()
			if err != nil {
				return err
			}
			if b.database = kind == "postgres"; b.database && b.config.Host == "" {
				return console.Usage("--db-host is missing: the name or address of the database's server.")
			}
			if b.database && b.user == "" {
				return console.Usage("--user is missing: the database's user, whose password the credential is.")
			}
			if b.writes && !b.database {
				return console.Usage("--writes goes with --type postgres.")
			}
			k, err := c.credential(ctx, cl, &b)
			if err != nil {
				return err
			}
			defer k.Value.Wipe()
			made, err := cl.CreateAgentBinding(ctx, id, &client.AgentBindingChange{Name: a[1], Type: kind, Config: &b.config, Guardrails: rails, Credential: k})
			if err != nil {
				return err
			}
			return c.printAgentBinding(ctx, cl, made)
		}),
	}
	cmd.Flags().StringVar(&kind, "type", "http", "http, graphql or postgres")
	b.flags(cmd)
	b.credentialFlags(cmd)
	cmd.Flags().StringVar(&c.vault, "vault", "", "the vault of --secret, by name or id")
	return c.mayAsk(cmd)
}

func (c *cli) agentBindingList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list AGENT",
		Aliases: []string{"ls"},
		Short:   "List the services that an agent works with by credentials that it never sees: name, type, hosts, active",
		Args:    args("AGENT"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := c.theAgent(ctx, cl, a[0])
			if err != nil {
				return err
			}
			all, err := cl.AgentBindings(ctx, id)
			return list(c, "bindings", all, err, []string{"ID", "NAME", "TYPE", "URL", "HOSTS", "PATHS", "PER MINUTE", "ACTIVE"}, "No bindings. Make one with `oneclaw agent bindings add`.", func(b client.AgentBinding) []string {
				return []string{c.Short(b.ID), b.Name, b.BindingType, whereOf(&b.Config), strings.Join(b.Guardrails.Hosts, ","), strings.Join(b.Guardrails.Paths, ","), anyNumber(b.Guardrails.PerMinute), console.YesNo(b.IsActive)}
			})
		}),
	})
}

// ofAgentBinding is a command about one binding of an agent.
func (c *cli) ofAgentBinding(cmd *cobra.Command, do func(ctx context.Context, cl *client.Client, agent, id string) error) *cobra.Command {
	cmd.Args = args("AGENT", "NAME|ID")
	cmd.RunE = c.withBinding(do)
	return cmd
}

// withBinding finds the agent and its binding that a command is about.
func (c *cli) withBinding(do func(ctx context.Context, cl *client.Client, agent, id string) error) func(*cobra.Command, []string) error {
	return c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		agent, err := c.theAgent(ctx, cl, a[0])
		if err != nil {
			return err
		}
		id, err := bindingOf(ctx, cl, agent, a[1])
		if err != nil {
			return err
		}
		return do(ctx, cl, agent, id)
	})
}

func bindingOf(ctx context.Context, cl *client.Client, agent, ref string) (string, error) {
	return found(kindAgentBinding, ref, func() ([]client.AgentBinding, error) { return cl.AgentBindings(ctx, agent) }, func(b client.AgentBinding) candidate {
		return candidate{id: b.ID, names: []string{b.Name}, note: b.Name + ", " + b.BindingType, ended: !b.IsActive}
	})
}

func (c *cli) agentBindingShow() *cobra.Command {
	return c.ofAgentBinding(&cobra.Command{
		Use:   "show AGENT NAME|ID",
		Short: "Show one binding of an agent, without its credential",
	}, func(ctx context.Context, cl *client.Client, agent, id string) error {
		b, err := cl.AgentBinding(ctx, agent, id)
		if err != nil {
			return err
		}
		return c.printAgentBinding(ctx, cl, b)
	})
}

func (c *cli) agentBindingRotate() *cobra.Command {
	var b agentBindingFlags
	cmd := c.ofAgentBinding(&cobra.Command{
		Use:   "rotate AGENT NAME|ID",
		Short: "Replace the credential of an agent's binding; the one before is deleted",
	}, func(ctx context.Context, cl *client.Client, agent, id string) error {
		k, err := c.credential(ctx, cl, &b)
		if err != nil {
			return err
		}
		defer k.Value.Wipe()
		got, err := cl.RotateAgentCredential(ctx, agent, id, k)
		if err != nil {
			return err
		}
		return c.printAgentBinding(ctx, cl, got)
	})
	f := cmd.Flags()
	f.StringVar(&b.in, "in", "", "where the credential goes: bearer (the default), basic, header:NAME, query:NAME or oauth2")
	f.StringVar(&b.user, "user", "", "user name of basic and of postgres, where the credential is the password alone")
	f.StringVar(&b.from, "from-file", "", "file that holds the credential (- for stdin)")
	return c.mayAsk(cmd)
}

func (c *cli) agentBindingActive(active bool) *cobra.Command {
	use, short := "stop", "Stop an agent's binding until it is started again"
	if active {
		use, short = "start", "Start an agent's binding that was stopped"
	}
	return c.mayAsk(c.ofAgentBinding(&cobra.Command{Use: use + " AGENT NAME|ID", Short: short}, func(ctx context.Context, cl *client.Client, agent, id string) error {
		b, err := cl.UpdateAgentBinding(ctx, agent, id, &client.AgentBindingChange{IsActive: &active})
		if err != nil {
			return err
		}
		return c.printAgentBinding(ctx, cl, b)
	}))
}

func (c *cli) agentBindingTest() *cobra.Command {
	return c.mayAsk(c.ofAgentBinding(&cobra.Command{
		Use:   "test AGENT NAME|ID",
		Short: "Ask the service of a binding whether it takes the credential",
	}, func(ctx context.Context, cl *client.Client, agent, id string) error {
		t, err := cl.TestAgentBinding(ctx, agent, id)
		if err != nil {
			return err
		}
		err = c.show(t, field{"Success", console.YesNo(t.Success)}, field{"Latency", strconv.FormatInt(t.LatencyMS, 10) + " ms"}, field{"Error", t.Error})
		if err == nil && !t.Success {
			err = fault.New(fault.Unavailable, "binding_test_failed", t.Error)
		}
		return err
	}))
}

func (c *cli) agentBindingDelete() *cobra.Command {
	var yes bool
	cmd := c.ofAgentBinding(&cobra.Command{
		Use:   "delete AGENT NAME|ID",
		Short: "Delete an agent's binding with its credential",
	}, func(ctx context.Context, cl *client.Client, agent, id string) error {
		if err := c.Confirm(ctx, yes, "Delete the binding with its credential?"); err != nil {
			return err
		}
		if err := cl.DeleteAgentBinding(ctx, agent, id); err != nil {
			return err
		}
		return c.did(map[string]any{"id": id, "deleted": true}, "Deleted the binding %s.", id)
	})
	yesFlag(cmd, &yes)
	return cmd
}

// anyNumber is a bound that may be none.
func anyNumber(n int64) string {
	if n == 0 {
		return "any"
	}
	return strconv.FormatInt(n, 10)
}

func (c *cli) printAgentBinding(ctx context.Context, cl *client.Client, b *client.AgentBinding) error {
	g, credential := &b.Guardrails, b.CredentialType
	if b.CredentialPath != "" {
		named := called{cli: c}.withVaults(ctx, cl)
		credential = b.CredentialPath + " in " + named.fullVault(b.CredentialVault)
	}
	return c.show(b, field{"Name", b.Name}, field{"ID", b.ID}, field{"Type", b.BindingType}, field{"Active", console.YesNo(b.IsActive)},
		field{"URL", whereOf(&b.Config)}, field{"Hosts", strings.Join(g.Hosts, ",")}, field{"Paths", strings.Join(g.Paths, ",")}, field{"Methods", strings.Join(g.Methods, ",")},
		field{"Read only", console.YesNo(g.ReadOnly != nil && *g.ReadOnly)}, field{"Per minute", anyNumber(g.PerMinute)}, field{"Credential", credential}, field{"Created", c.When(b.CreatedAt)})
}

// whereOf is where a service is, without a credential.
func whereOf(b *client.BindingConfig) string {
	if b.Host == "" {
		return b.BaseURL
	}
	u := url.URL{Scheme: "postgres", Host: b.Host, Path: "/" + b.Database}
	if b.Port != 0 {
		u.Host = net.JoinHostPort(strings.Trim(b.Host, "[]"), strconv.FormatInt(b.Port, 10))
	}
	return u.String()
}
