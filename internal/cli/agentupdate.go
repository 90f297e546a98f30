package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) agentUpdate() *cobra.Command {
	var name, description, expires, fingerprint, reveal, executes string
	var vaults, scopes []string
	var ttl int64
	var intents intentFlags
	cmd := &cobra.Command{
		Use:   "update NAME|ID",
		Short: "Change an agent; what is not given stays",
		Long: `Change an agent; what is not given stays. "any" lifts what binds it to vaults or caps its
scopes, "never" takes its end away, and 0 gives its tokens the usual life. Whatever lets
an agent do more takes your password.`,
		Example: `  oneclaw agent update builder --name build-bot
  oneclaw agent update builder --vault-ids main,staging --expires 30d
  oneclaw agent update builder --vault-ids any --expires never`,
		Args: args("NAME|ID"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = withChange(c.withAgent(func(ctx context.Context, cl *client.Client, id, _ string) error {
		var u client.AgentUpdate
		given := cmd.Flags().Changed
		intents.update(&u)
		var err error
		if u.AgentFields, err = intents.fields(c, &u.Clear); err != nil {
			return err
		}
		if given("name") {
			if err := checkName(name); err != nil {
				return err
			}
			u.Name = &name
		}
		if given("description") {
			u.Description = &description
		}
		if given("client-cert-fingerprint") {
			u.CertFingerprint = &fingerprint
		}
		if err := checkReveal(reveal); err != nil {
			return err
		}
		u.Reveal = reveal
		if u.ExecutionEnabled, err = onOff("executions", executes); err != nil {
			return err
		}
		if lifts(scopes) {
			u.Clear = append(u.Clear, "scopes")
		} else {
			u.Scopes = scopes
		}
		if lifts(vaults) {
			u.Clear = append(u.Clear, "vault_ids")
		} else if u.VaultIDs, err = vaultIDs(ctx, cl, vaults); err != nil {
			return err
		}
		switch {
		case given("token-ttl") && ttl < 0:
			return console.Usage("--token-ttl can not be negative.")
		case given("token-ttl") && ttl == 0:
			u.Clear = append(u.Clear, "token_ttl_seconds")
		case given("token-ttl"):
			u.TokenTTLSeconds = &ttl
		}
		if expires == "never" {
			expires = ""
			u.Clear = append(u.Clear, "expires_at")
		} else if u.ExpiresAt, err = expiry(); err != nil {
			return err
		}
		a, err := cl.UpdateAgent(ctx, id, u)
		if err != nil {
			return err
		}
		if u.Name != nil {
			c.warnOfNamesake(ctx, cl, *a)
		}
		return c.printAgent(a)
	}))
	intents.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "another name")
	f.StringVar(&description, "description", "", "what it is for")
	f.StringSliceVar(&vaults, "vault-ids", nil, "bind it to these vaults, by name or id; any: to none")
	f.StringSliceVar(&scopes, "scopes", nil, "paths that cap what policies grant it; any: no cap")
	f.Int64Var(&ttl, "token-ttl", 0, "life of its tokens in seconds; 0: an hour")
	f.StringVar(&executes, "executions", "", "on: it may execute what its bindings allow; off: it may not")
	f.StringVar(&reveal, "reveal", "", "never: it uses secrets and is shown none; allow: it may read what policies let it")
	f.StringVar(&fingerprint, "client-cert-fingerprint", "", "SHA-256 of another certificate, for mtls")
	f.Lookup("expires").Usage = "when it ends: a time (RFC 3339), a duration such as 36h or 90d, or never"
	return c.mayAsk(cmd)
}

// withChange refuses a change of something without a flag that says what to change.
func withChange(do func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, a []string) error {
		change := false
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			change = change || f.Changed && !slices.Contains([]string{"email", "password-file", "id-token-file", "code"}, f.Name)
		})
		if !change {
			return console.Usage("Say what to change: see " + console.Quote(cmd.CommandPath()+" --help") + ".")
		}
		return do(cmd, a)
	}
}

// lifts reports whether a list says that a restriction is to go.
func lifts(list []string) bool { return len(list) == 1 && list[0] == "any" }

func (c *cli) agentActivate() *cobra.Command {
	var fingerprint string
	cmd := &cobra.Command{
		Use:   "activate NAME|ID",
		Short: "Let a deactivated agent in again; it asks for your password",
		Long: `Let a deactivated agent in again. Its key was forgotten when it was deactivated:
` + "`oneclaw agent rotate-key`" + ` gives it another.`,
		Args: args("NAME|ID"),
		RunE: c.withAgent(func(ctx context.Context, cl *client.Client, id, name string) error {
			active := true
			u := client.AgentUpdate{IsActive: &active}
			if fingerprint != "" {
				u.CertFingerprint = &fingerprint
			}
			a, err := cl.UpdateAgent(ctx, id, u)
			if err != nil {
				return err
			}
			next := ""
			if a.AuthMethod == "api_key" {
				next = " Deactivating it forgot its key: give it another with " + console.Quote("oneclaw agent rotate-key "+name) + "."
			}
			return c.did(a, "The agent %s is active again.%s", name, next)
		}),
	}
	cmd.Flags().StringVar(&fingerprint, "client-cert-fingerprint", "", "SHA-256 of the certificate to trust from now on, for mtls")
	return c.mayAsk(cmd)
}
