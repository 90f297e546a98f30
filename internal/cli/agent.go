package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func (c *cli) agentCreate() *cobra.Command {
	var n client.AgentCreate
	var vaults []string
	var expires, executes, reveal string
	var intents intentFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Register an agent and print its key, once",
		Long: `Register an agent and print its key. The server keeps no copy of the key: it is shown
this once. An agent has access to nothing until a policy grants it something; see
` + "`oneclaw policy create`.",
		Args: args("NAME"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if err := checkAgent(a[0], n); err != nil {
			return err
		}
		if err := checkReveal(reveal); err != nil {
			return err
		}
		n.Name = a[0]
		if err := intents.check(); err != nil {
			return err
		}
		intents.create(&n)
		var err error
		if n.AgentFields, err = intents.fields(c, new([]string)); err != nil {
			return err
		}
		n.Reveal = reveal
		if n.ExecutionEnabled, err = onOff("executions", executes); err != nil {
			return err
		}
		if n.ExpiresAt, err = expiry(); err != nil {
			return err
		}
		cl, err := c.Client() // arguments are checked before a password is asked for
		if err != nil {
			return err
		}
		if n.VaultIDs, err = vaultIDs(cmd.Context(), cl, vaults); err != nil {
			return err
		}
		cl, done, err := c.Outlasting(cmd.Context(), n.ExpiresAt)
		if err != nil {
			return err
		}
		defer done()
		made, err := cl.CreateAgent(cmd.Context(), n)
		if err != nil {
			return err
		}
		c.warnOfNamesake(cmd.Context(), cl, made.Agent)
		c.EndsEarly("agent", n.ExpiresAt, made.Agent.ExpiresAt, "")
		return c.printNewAgent(made)
	}
	f := cmd.Flags()
	f.StringVar(&n.Description, "description", "", "what it is for")
	f.StringSliceVar(&vaults, "vault-ids", nil, "bind it to these vaults, by name or id")
	f.StringSliceVar(&n.Scopes, "scopes", nil, "paths that cap what policies grant it")
	f.Int64Var(&n.TokenTTLSeconds, "token-ttl", 0, "life of its tokens in seconds")
	f.StringVar(&executes, "executions", "", "on: it may execute what its bindings allow (off)")
	f.StringVar(&reveal, "reveal", "", "never: it uses secrets and is shown none (allow)")
	f.StringVar(&n.AuthMethod, "auth-method", "", "api_key, mtls or oidc_client_credentials")
	f.StringVar(&n.ClientCertFingerprint, "client-cert-fingerprint", "", "SHA-256 of its certificate, for mtls")
	f.StringVar(&n.OIDCIssuer, "oidc-issuer", "", "issuer of its tokens, for oidc_client_credentials")
	f.StringVar(&n.OIDCClientID, "oidc-client-id", "", "its client id, for oidc_client_credentials")
	intents.flags(cmd)
	return c.mayAsk(cmd)
}

// warnOfNamesake says that an agent shares its name: then commands take its id alone.
func (c *cli) warnOfNamesake(ctx context.Context, cl *client.Client, a client.Agent) {
	all, err := cl.Agents(ctx)
	if err != nil {
		return // who may not list agents can't be told
	}
	for _, other := range all {
		if other.Name == a.Name && other.ID != a.ID && other.IsActive {
			c.Warn("There are two agents of this name now: " + a.ID[:min(len(a.ID), console.ShortID)] + " is the new one, " +
				other.ID[:min(len(other.ID), console.ShortID)] + " the other. Commands that name one of them need its id. Rename one with `oneclaw agent update ID --name NAME`.")
			return
		}
	}
}

func checkAgent(name string, n client.AgentCreate) error {
	methods := []string{"api_key", "mtls", "oidc_client_credentials"}
	switch {
	case n.AuthMethod != "" && !slices.Contains(methods, n.AuthMethod):
		return console.Usage("--auth-method takes " + oneOf(methods) + ".")
	case n.TokenTTLSeconds < 0:
		return console.Usage("--token-ttl can not be negative.")
	case n.TokenTTLSeconds > 2592000:
		return console.Usage("--token-ttl is too large: it takes at most 2592000.")
	case n.AuthMethod == methods[2] && (n.OIDCIssuer == "" || n.OIDCClientID == ""):
		return console.Usage(said["missing_oidc_fields"])
	case n.AuthMethod == methods[1] && n.ClientCertFingerprint == "":
		return console.Usage("--auth-method mtls needs --client-cert-fingerprint.")
	}
	if err := policy.CheckScopes(n.Scopes); err != nil {
		return err
	}
	return checkName(name)
}

// onOff reads a switch; nil where it was not given.
func onOff(flag, word string) (*bool, error) {
	switch word {
	case "":
		return nil, nil //nolint:nilnil // it was not given
	case "on", "off":
		return new(word == "on"), nil
	}
	return nil, console.Usage("--" + flag + " takes on or off.")
}

func checkReveal(word string) error {
	if word != "" && word != "allow" && word != "never" {
		return console.Usage("--reveal takes allow or never.")
	}
	return nil
}

func (c *cli) printNewAgent(made *client.NewAgent) error {
	defer made.APIKey.Wipe()
	key := string(made.APIKey.Reveal())
	if c.JSON {
		return c.PrintJSON(struct {
			Agent  client.Agent `json:"agent"`
			APIKey string       `json:"api_key,omitempty"`
		}{made.Agent, key})
	}
	fields := []field{{"Name", made.Agent.Name}, {"ID", made.Agent.ID}, {"API key", key}}
	if made.Agent.Reveal != "" {
		fields = append(fields, field{"Reveal", made.Agent.Reveal})
	}
	err := c.PrintFields(fields...)
	if key != "" {
		c.Note("Keep the key now: it is not shown again.")
	}
	return err
}

func (c *cli) agentList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the agents: name, id, active, time, last seen",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Agents(ctx)
			isFrozen := frozen(ctx, cl)
			return list(c, "agents", all, err, []string{"NAME", "ID", "ACTIVE", "CREATED", "LAST SEEN"}, "No agents. Register one with `oneclaw agent create NAME`.", func(a client.Agent) []string {
				return []string{a.Name, c.Short(a.ID), activity(a, isFrozen), c.When(a.CreatedAt), c.Maybe(a.LastActiveAt, "never")}
			})
		}),
	})
}

func (c *cli) agentGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME|ID",
		Short: "Show one agent",
		Args:  args("NAME|ID"),
		RunE: c.withAgent(func(ctx context.Context, cl *client.Client, id, _ string) error {
			a, err := cl.Agent(ctx, id)
			if err != nil {
				return err
			}
			return c.printAgent(a, field{"Frozen", console.YesNo(frozen(ctx, cl)(id))})
		}),
	}
}

// frozen tells which agents are frozen. Who may not know gets no for an answer, as the
// state is an extra to what was asked.
func frozen(ctx context.Context, cl *client.Client) func(agent string) bool {
	s, err := cl.FreezeState(ctx)
	if err != nil {
		s = new(client.FreezeState)
	}
	return func(agent string) bool {
		return s.Frozen || slices.ContainsFunc(s.Freezes, func(f client.Freeze) bool { return f.AgentID == agent })
	}
}

// activity is whether an agent works at present: yes, no or frozen.
func activity(a client.Agent, isFrozen func(string) bool) string {
	if a.IsActive && isFrozen(a.ID) {
		return "frozen"
	}
	return console.YesNo(a.IsActive)
}

func (c *cli) printAgent(a *client.Agent, more ...field) error {
	ttl := ""
	if a.TokenTTLSeconds > 0 {
		ttl = strconv.FormatInt(a.TokenTTLSeconds, 10) + " s"
	}
	if key := keyOf(a); key != "" {
		more = append(more, field{"API key", key})
	}
	return c.show(a, append([]field{{"Name", a.Name}, {"ID", a.ID}, {"Description", a.Description},
		{"Active", console.YesNo(a.IsActive)}, {"Auth method", a.AuthMethod},
		{"Scopes", strings.Join(a.Scopes, ",")}, {"Vaults", strings.Join(a.VaultIDs, ",")},
		{"Token life", ttl}, {"Created", c.When(a.CreatedAt)},
		{"Expires", c.Maybe(a.ExpiresAt, "never")}, {"Last seen", c.Maybe(a.LastActiveAt, "never")},
		{"Intents API", console.YesNo(a.IntentsAPIEnabled)}, {"Tx max value", a.TxMaxValueETH}, {"Tx daily limit", a.TxDailyLimitETH},
		{"Tx to", strings.Join(a.TxToAllowlist, ",")}, {"Tx chains", strings.Join(a.TxAllowedChains, ",")},
		{"Tx max per day", most(a.TxMaxPerDay)}, {"Tx approval policy", string(a.TxApprovalPolicy)},
		{"Message signing", console.YesNo(a.MessageSigningEnabled != nil && *a.MessageSigningEnabled)}, {"EIP-712 domains", string(a.EIP712DomainAllowlist)},
		{"Reveal", a.Reveal}, {"Executions", console.YesNo(a.ExecutionEnabled != nil && *a.ExecutionEnabled)}, {"Execution guardrails", string(a.ExecutionGuardrails)}, {"Shroud", console.YesNo(a.ShroudEnabled)}, {"Shroud config", orNothing(a.ShroudConfig)}}, more...)...)
}

// orNothing is JSON in a description, where null is nothing.
func orNothing(text json.RawMessage) string {
	if string(text) == "null" {
		return ""
	}
	return string(text)
}

// most is a limit that may be none.
func most(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// keyOf says that an agent which is to have an API key has none, and how it gets one.
func keyOf(a *client.Agent) string {
	if a.HasAPIKey == nil || *a.HasAPIKey {
		return ""
	}
	return "none; " + console.Quote("oneclaw agent rotate-key "+a.ID[:min(len(a.ID), console.ShortID)]) + " makes one"
}

func (c *cli) agentRotateKey() *cobra.Command {
	var yes, keep bool
	cmd := &cobra.Command{
		Use:   "rotate-key NAME|ID",
		Short: "Give an agent a new key, print it once, and end the old one",
		Args:  args("NAME|ID"),
		RunE: c.withAgent(func(ctx context.Context, cl *client.Client, id, name string) error {
			if err := c.Confirm(ctx, yes, "End the present key of the agent "+name+"?"); err != nil {
				return err
			}
			key, ended, err := cl.RenewAgentKey(ctx, id, keep)
			if err != nil {
				return err
			}
			defer key.Wipe()
			if c.JSON {
				return c.PrintJSON(struct {
					APIKey string `json:"api_key"`
					ID     string `json:"id"`
					Ended  string `json:"ended,omitempty"`
				}{string(key.Reveal()), id, ended})
			}
			c.sayEnded(ended)
			c.Note("Keep the key now: it is not shown again.")
			return c.PrintFields(field{"ID", id}, field{"API key", string(key.Reveal())})
		}),
	}
	yesFlag(cmd, &yes)
	keepFlag(cmd, &keep)
	return c.mayAsk(cmd)
}

func (c *cli) agentDeactivate() *cobra.Command {
	var yes, keep bool
	cmd := &cobra.Command{
		Use:     "deactivate NAME|ID",
		Aliases: []string{"delete"},
		Short:   "End an agent: its key and tokens are refused from then on",
		Long: `End an agent: its key and tokens are refused from then on, and what it made ends too.
An agent is never removed from the list, since the log speaks of it.
` + "`oneclaw agent activate`" + ` lets it in again.`,
		Args: args("NAME|ID"),
		RunE: c.withAgent(func(ctx context.Context, cl *client.Client, id, name string) error {
			if err := c.Confirm(ctx, yes, "Deactivate the agent "+name+"?"); err != nil {
				return err
			}
			ended, err := cl.EndAgent(ctx, id, keep)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(struct {
					Deactivated bool   `json:"deactivated"`
					ID          string `json:"id"`
					Ended       string `json:"ended,omitempty"`
				}{true, id, ended})
			}
			c.sayEnded(ended)
			c.Done("Deactivated the agent %s.", name)
			return nil
		}),
	}
	yesFlag(cmd, &yes)
	keepFlag(cmd, &keep)
	return c.mayAsk(cmd)
}

// sayEnded says what ended with a credential, as the server counts it.
func (c *cli) sayEnded(ended string) {
	if ended != "" {
		c.Done("Ended with it: %s.", strings.ReplaceAll(ended, ",", ", "))
	}
}

func (c *cli) agentMade() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "made NAME|ID",
		Short: "List what an agent made: kind, id, name, live, time, credential",
		Args:  args("NAME|ID"),
		RunE: c.withAgent(func(ctx context.Context, cl *client.Client, id, _ string) error {
			return c.printMade(cl.MadeByAgent(ctx, id))
		}),
	})
}

// withAgent runs f with the agent that the argument names.
func (c *cli) withAgent(f func(ctx context.Context, cl *client.Client, id, name string) error) func(*cobra.Command, []string) error {
	return c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		id, err := agentID(ctx, cl, a[0])
		if err != nil {
			return err
		}
		return f(ctx, cl, id, a[0])
	})
}

func (c *cli) printMade(all client.AllMade, err error) error {
	if err == nil && c.JSON {
		all.Made = orEmpty(all.Made)
		return c.PrintJSON(all)
	}
	if all.Total > len(all.Made) {
		c.Warn(fmt.Sprintf("These are the newest %d of %d.", len(all.Made), all.Total))
	}
	return list(c, "made", all.Made, err, []string{"KIND", "ID", "NAME", "LIVE", "CREATED", "MADE WITH"}, "It made nothing that is known of.", func(m client.Made) []string {
		return []string{c.forPeople(m.Kind), c.Short(m.ID), m.Name, console.YesNo(m.IsLive), c.When(m.CreatedAt), m.MadeWith}
	})
}
