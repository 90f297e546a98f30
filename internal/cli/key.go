package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) keyCreate() *cobra.Command {
	var expires string
	var scopes []string
	var signs signingFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API key of yours and print it, once, or a signing key of an agent",
		Long: `Make an API key of yours, for programs that act as you (ONECLAW_API_KEY), and print it. The
server keeps no copy of it: it is shown this once. It asks for your password where the
key is to outlast the login.

With --agent, and no NAME, make a key in the keystore that signs the agent's transactions
instead. It never leaves the server; its address is printed.`,
		Example: `  oneclaw key create backup-job --expires 90d --scopes vault:read
  oneclaw key create --agent payer`,
		Args: signs.orAPIKey("NAME"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if err := signs.check(cmd, "expires", "scopes"); err != nil {
			return err
		}
		if signs.agent != "" {
			return c.signingKeyCreate(cmd.Context(), &signs)
		}
		if err := checkName(a[0]); err != nil {
			return err
		}
		if err := checkKeyScopes(scopes); err != nil {
			return err
		}
		ends, err := expiry()
		if err != nil {
			return err
		}
		cl, done, err := c.Outlasting(cmd.Context(), ends)
		if err != nil {
			return err
		}
		defer done()
		made, err := cl.CreateAPIKey(cmd.Context(), a[0], scopes, ends)
		if err != nil {
			return err
		}
		defer made.Secret.Wipe()
		c.EndsEarly("key", ends, made.Key.ExpiresAt, "")
		key := string(made.Secret.Reveal())
		if c.JSON {
			return c.PrintJSON(struct {
				Key    client.APIKey `json:"key"`
				APIKey string        `json:"api_key"`
			}{made.Key, key})
		}
		err = c.PrintFields(field{"Name", made.Key.Name}, field{"ID", made.Key.ID}, field{"API key", key},
			field{"Expires", c.Maybe(made.Key.ExpiresAt, "never")})
		c.Note("Keep the key now: it is not shown again.")
		return err
	}
	signs.flags(cmd)
	cmd.Flags().StringSliceVar(&scopes, "scopes", nil, "cap what it may do, such as vault:read; without, it may do what you may")
	return c.mayAsk(cmd)
}

func (c *cli) keyList() *cobra.Command {
	var signs signingFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List your API keys, or with --agent the signing keys of an agent",
		Long: `List your API keys: id, name, beginning, active, expiry, last use. With --agent, list the
signing keys of an agent instead: address, version, active, time.`,
		Args: args(),
	}
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if err := signs.check(cmd); err != nil {
			return err
		}
		if signs.agent != "" {
			return c.signingKeyList(cmd.Context(), &signs)
		}
		return c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.APIKeys(ctx)
			return list(c, "keys", all, err, []string{"ID", "NAME", "KEY", "ACTIVE", "EXPIRES", "LAST USED"}, "No keys.", func(k client.APIKey) []string {
				return []string{c.Short(k.ID), k.Name, k.KeyPrefix, console.YesNo(k.IsActive), c.Maybe(k.ExpiresAt, "never"), c.Maybe(k.LastUsedAt, "never")}
			})
		})(cmd, a)
	}
	signs.flags(cmd)
	return c.wideFlag(cmd)
}

func (c *cli) keyMade() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "made NAME|ID",
		Short: "List what was made with a key, and whether it still works",
		Args:  args("NAME|ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := apiKeyID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			return c.printMade(cl.MadeWithAPIKey(ctx, id))
		}),
	})
}

func (c *cli) keyRevoke() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "revoke NAME|ID",
		Short: "End a key at once, and with it what was made with it",
		Args:  args("NAME|ID"),
	}
	cmd = c.removes(cmd, apiKeyID, "End the key %s?", func(cl *client.Client, ctx context.Context, id string) error {
		if keep {
			return cl.DeleteAPIKeyAlone(ctx, id)
		}
		return cl.DeleteAPIKey(ctx, id)
	}, "revoked", "Ended the key %s.")
	cmd.Flags().BoolVar(&keep, "keep", false, "keep what was made with it: keys, agents, shares, policies")
	return c.mayAsk(cmd)
}
