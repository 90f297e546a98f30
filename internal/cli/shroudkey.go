package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

const routedAgent = "the agent that it calls models for, by name or id"

func (c *cli) shroudKeyCreate() *cobra.Command {
	var expires, agent string
	cmd := &cobra.Command{
		Use:   "create NAME --agent AGENT",
		Short: "Make a key with which a stock client calls models for an agent, and print it, once",
		Long: `Make a key with which a stock client calls models for an agent through Shroud, and print it. It
goes where such a client wants the provider's key. It calls models and does nothing else: it
reads no secret, signs nothing, and only Shroud's port takes it. It ends when the agent gets another key or stops.`,
		Example: `  oneclaw shroud key create notebook --agent builder --expires 90d`,
		Args:    args("NAME"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if err := checkName(a[0]); err != nil {
			return err
		}
		ends, err := expiry()
		if err != nil {
			return err
		}
		cl, err := c.Client() // arguments are checked before a password is asked for
		if err != nil {
			return err
		}
		id, err := c.theAgent(cmd.Context(), cl, agent)
		if err != nil {
			return err
		}
		cl, done, err := c.Outlasting(cmd.Context(), ends)
		if err != nil {
			return err
		}
		defer done()
		return c.makeRouterKey(cmd.Context(), cl, id, agent, a[0], ends)
	}
	cmd.Flags().StringVar(&agent, "agent", "", routedAgent)
	return c.mayAsk(cmd)
}

func (c *cli) makeRouterKey(ctx context.Context, cl *client.Client, id, agent, name string, ends *time.Time) error {
	made, err := cl.CreateRouterKey(ctx, id, name, ends)
	if err != nil {
		return err
	}
	defer made.Secret.Wipe()
	c.warnOfNoProvider(ctx, cl, id, agent)
	c.EndsEarly("key", ends, made.Key.ExpiresAt, "")
	key := string(made.Secret.Reveal())
	if c.JSON {
		return c.PrintJSON(struct {
			Key    client.RouterKey `json:"key"`
			APIKey string           `json:"api_key"`
		}{made.Key, key})
	}
	err = c.PrintFields(field{"Name", made.Key.Name}, field{"ID", made.Key.ID}, field{"API key", key}, field{"Expires", c.Maybe(made.Key.ExpiresAt, "never")})
	c.Note("Keep the key now: it is not shown again.")
	return err
}

func (c *cli) shroudKeyList() *cobra.Command {
	var agent string
	cmd := &cobra.Command{
		Use:     "list --agent AGENT",
		Aliases: []string{"ls"},
		Short:   "List the keys that call models for an agent: id, name, beginning, active, expiry, last use",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			id, err := c.theAgent(ctx, cl, agent)
			if err != nil {
				return err
			}
			all, err := cl.RouterKeys(ctx, id)
			return list(c, "keys", all, err, []string{"ID", "NAME", "KEY", "ACTIVE", "EXPIRES", "LAST USED"}, "No keys.", func(k client.RouterKey) []string {
				return []string{c.Short(k.ID), k.Name, k.KeyPrefix, console.YesNo(k.IsActive), c.Maybe(k.ExpiresAt, "never"), c.Maybe(k.LastUsedAt, "never")}
			})
		}),
	}
	cmd.Flags().StringVar(&agent, "agent", "", routedAgent)
	return c.wideFlag(cmd)
}

func (c *cli) shroudKeyRevoke() *cobra.Command {
	var agent string
	cmd := &cobra.Command{
		Use:   "revoke NAME|ID --agent AGENT",
		Short: "End a key that calls models for an agent, at once",
		Args:  args("NAME|ID"),
	}
	of := "" // the agent's id
	cmd = c.removes(cmd, func(ctx context.Context, cl *client.Client, ref string) (key string, err error) {
		if of, err = c.theAgent(ctx, cl, agent); err != nil {
			return "", err
		}
		return found(kindRouterKey, ref, func() ([]client.RouterKey, error) { return cl.RouterKeys(ctx, of) }, func(k client.RouterKey) candidate {
			return candidate{id: k.ID, names: []string{k.Name}, note: k.Name + ", " + k.KeyPrefix, ended: !k.IsActive}
		})
	}, "End the key %s?", func(cl *client.Client, ctx context.Context, id string) error { return cl.RevokeRouterKey(ctx, of, id) }, "revoked", "Ended the key %s.")
	cmd.Flags().StringVar(&agent, "agent", "", routedAgent)
	return cmd
}
