package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) agentRequests() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "requests",
		Short: "List the agents that ask to be yours: id, name, key, address, until when",
		Long: `List the agents that ask to be yours. Nobody has checked the name that such an agent gives
itself: compare the beginning of its key with the one that was mailed to you.`,
		Args: args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Enrollments(ctx)
			return list(c, "enrollments", all, err, []string{"ID", "NAME", "KEY", "ADDRESS", "EXPIRES"}, "No agent asks to be yours.", func(e client.Enrollment) []string {
				return []string{c.Short(e.ID), e.Name, e.KeyPrefix, e.IPAddress, c.When(e.ExpiresAt)}
			})
		}),
	})
}

func (c *cli) agentAccept() *cobra.Command {
	var g client.EnrollmentGrant
	cmd := &cobra.Command{
		Use:   "accept NAME|ID",
		Short: "Take in an agent that asks to be yours; with --path, grant it access at once",
		Long: `Take in an agent that asks to be yours: the key that was mailed to you works from then on.
With --path it may use the secrets of a vault whose paths match; without, nothing yet. Your
password is asked for, so that the agent does not end with the stored login.`,
		Example: `  oneclaw agent accept build-bot --path 'api-keys/*'`,
		Args:    args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			if g.SecretPathPattern == "" && len(g.Permissions) > 0 {
				return console.Usage("--permissions goes with --path.")
			}
			if err := checkPermissions(g.Permissions); err != nil {
				return err
			}
			cl, err := c.Client() // arguments are checked before a password is asked for
			if err != nil {
				return err
			}
			id, err := enrollmentID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if g.SecretPathPattern != "" {
				if err := checkPattern(g.SecretPathPattern); err != nil {
					return err
				}
				if g.VaultID, err = c.theVault(ctx, cl); err != nil {
					return err
				}
			}
			cl, done, err := c.Outlasting(ctx, nil)
			if err != nil {
				return err
			}
			defer done()
			agent, err := cl.AcceptEnrollment(ctx, id, g)
			if err != nil {
				return err
			}
			for _, w := range agent.Warnings {
				c.Warn(w)
			}
			c.warnOfNamesake(ctx, cl, *agent)
			c.EndsEarly("agent", nil, agent.ExpiresAt, "")
			if g.SecretPathPattern == "" {
				return c.printAgent(agent)
			}
			may := cmp.Or(strings.Join(g.Permissions, ", "), "read")
			in := called{cli: c}.withVaults(ctx, cl).vault(g.VaultID)
			return c.printAgent(agent, field{"May", may + " " + g.SecretPathPattern + " in the vault " + in})
		},
	}
	cmd.Flags().StringVar(&g.SecretPathPattern, "path", "", "pattern of the paths that it may use: * for one part, ** for any number")
	cmd.Flags().StringSliceVar(&g.Permissions, "permissions", nil, "read, use, write, delete (default read)")
	return c.mayAsk(cmd)
}

func (c *cli) agentReject() *cobra.Command {
	return c.removes(&cobra.Command{Use: "reject NAME|ID", Short: "Turn away an agent that asks to be yours; its key never works", Args: args("NAME|ID")},
		enrollmentID, "Reject the agent %s?", (*client.Client).RejectEnrollment, "rejected", "Rejected the agent %s.")
}
