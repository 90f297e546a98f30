package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) agentBindingUpdate() *cobra.Command {
	var b agentBindingFlags
	cmd := c.ofAgentBinding(&cobra.Command{
		Use:   "update AGENT NAME|ID",
		Short: "Change where an agent's binding goes and what bounds it; what is not given stays",
		Long: `Change where an agent's binding goes and what bounds it; what is not given stays. A list takes the
place of the one before. "any" takes the bound of --host, --path or --method away, "none" all headers, 0 that
of --per-minute, and an empty text what --scope, --token-auth or --sslmode said.
Where the credential of another person goes is not yours to change: give one of your own with
--from-file (- for stdin) or --secret. ` + "`rotate`" + ` replaces the credential alone, and
` + "`stop` and `start`" + ` switch a binding off and on.`,
		Example: `  oneclaw agent bindings update builder stripe --path '/v1/charges/**,/v1/refunds/**' --per-minute 10
  oneclaw agent bindings update builder stripe --method any --read-only
  oneclaw agent bindings update builder shop --db-host db2.example.com --writes`,
	}, nil)
	cmd.RunE = withChange(c.withBinding(func(ctx context.Context, cl *client.Client, agent, id string) error {
		ch, err := c.bindingChange(ctx, cl, cmd, &b, agent, id)
		if err != nil {
			return err
		}
		if ch.Credential != nil {
			defer ch.Credential.Value.Wipe()
		}
		got, err := cl.UpdateAgentBinding(ctx, agent, id, ch)
		if err != nil {
			return err
		}
		return c.printAgentBinding(ctx, cl, got)
	}))
	b.flags(cmd)
	b.credentialFlags(cmd)
	cmd.Flags().StringVar(&c.vault, "vault", "", "the vault of --secret, by name or id")
	return c.mayAsk(cmd)
}

// bindingChange is what the flags that were given say.
func (c *cli) bindingChange(ctx context.Context, cl *client.Client, cmd *cobra.Command, b *agentBindingFlags, agent, id string) (*client.AgentBindingChange, error) {
	given := cmd.Flags().Changed
	now, err := cl.AgentBinding(ctx, agent, id)
	if err != nil {
		return nil, err
	}
	b.database = now.BindingType == "postgres"
	ch := &client.AgentBindingChange{Config: &b.config, Guardrails: &b.rails}
	if len(b.headers) == 1 && b.headers[0] == "none" {
		ch.ClearConfig, b.headers = append(ch.ClearConfig, "headers"), nil
	}
	if b.config.Headers, err = headersOf(b.headers); err != nil {
		return nil, err
	}
	for _, of := range []struct {
		flag, field string
		list        *[]string
	}{{"host", "allowed_hosts", &b.rails.Hosts}, {"path", "allowed_paths", &b.rails.Paths}, {"method", "allowed_methods", &b.rails.Methods}} {
		if given(of.flag) && (len(*of.list) == 0 || lifts(*of.list)) {
			*of.list, ch.ClearGuardrails = nil, append(ch.ClearGuardrails, of.field)
		}
	}
	for flag, of := range map[string]struct {
		field string
		n     int64
	}{"per-minute": {"max_requests_per_minute", b.rails.PerMinute}, "max-rows": {"max_rows", b.rails.Rows}} {
		if given(flag) && of.n == 0 {
			ch.ClearGuardrails = append(ch.ClearGuardrails, of.field)
		}
	}
	for flag, of := range map[string]struct{ field, text string }{"scope": {"scope", b.config.Scope}, "token-auth": {"token_auth", b.config.TokenAuth}, "sslmode": {"sslmode", b.config.SSLMode}} {
		if given(flag) && of.text == "" {
			ch.ClearConfig = append(ch.ClearConfig, of.field)
		}
	}
	if given("db-port") && b.config.Port == 0 {
		ch.ClearConfig = append(ch.ClearConfig, "port")
	}
	slices.Sort(ch.ClearGuardrails)
	slices.Sort(ch.ClearConfig)
	switch {
	case b.readOnly && b.writes:
		return nil, console.Usage("--writes goes without --read-only.")
	case b.writes && !b.database:
		return nil, console.Usage("--writes goes with a binding of type postgres.")
	case given("read-only"):
		b.rails.ReadOnly = &b.readOnly
	case given("writes"):
		b.rails.ReadOnly = new(!b.writes)
	}
	if given("in") || given("from-file") || given("secret") {
		if ch.Credential, err = c.credential(ctx, cl, b); err != nil {
			return nil, err
		}
		if b.config.AuthType == "" && given("in") {
			ch.ClearConfig = append(ch.ClearConfig, "auth_type")
		}
	} else if given("user") {
		if !b.database {
			return nil, console.Usage("--user is a part of the credential: give that too, with --from-file (- for stdin).")
		}
		b.config.Username = b.user
	}
	return ch, nil
}
