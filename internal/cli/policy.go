package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// grantFlags are the flags of `policy create`.
type grantFlags struct {
	agent, user, path, expires, after, before, zone string
	permissions, addresses                          []string
	approval                                        bool
	uses                                            int
	valid                                           int64
}

func (c *cli) policyCreate() *cobra.Command {
	var g grantFlags
	cmd := &cobra.Command{
		Use:   "create (--agent NAME|ID | --user ID) --path PATTERN",
		Short: "Grant access to the secrets whose path matches a pattern",
		Example: `  oneclaw policy create --agent builder --path 'api-keys/*'
  oneclaw policy create --agent deployer --path 'prod/**' --permissions read,write --expires 30d
  oneclaw policy create --agent deployer --path 'prod/root' --require-approval`,
		Args: args(),
	}
	expiry := c.expiryFlag(cmd, &g.expires)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if (g.agent == "") == (g.user == "") {
			return console.Usage("Give either --agent or --user.")
		}
		if g.path == "" {
			return console.Usage("Give --path: * stands for one part of a path, ** for any number.")
		}
		for _, p := range g.permissions {
			if p == "admin" {
				return console.Usage("A policy gives no right to manage: --permissions takes read, write and delete. To have somebody manage vaults, see `oneclaw org role`.")
			}
			if !slices.Contains([]string{"read", "write", "delete"}, p) {
				return console.Usage("--permissions takes read, write, delete, or several of them with commas between.")
			}
		}
		conditions, err := g.conditions()
		if err != nil {
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
		vault, err := c.theVault(cmd.Context(), cl)
		if err != nil {
			return err
		}
		typ, id, err := g.principal(cmd.Context(), cl)
		if err != nil {
			return err
		}
		p, err := cl.CreatePolicy(cmd.Context(), vault, client.PolicyGrant{SecretPathPattern: g.path,
			PrincipalType: typ, PrincipalID: id, Permissions: g.permissions, Conditions: conditions, ExpiresAt: ends})
		if err != nil {
			return err
		}
		c.EndsEarly("policy", ends, p.ExpiresAt)
		for _, w := range p.Warnings {
			c.Warn(w)
		}
		return c.show(p, field{"ID", p.ID}, field{"Path", p.SecretPathPattern},
			field{"Granted to", p.PrincipalType + ":" + p.PrincipalID}, field{"Permissions", strings.Join(p.Permissions, ",")},
			field{"Conditions", compact(p.Conditions)}, field{"Expires", c.Maybe(p.ExpiresAt, "never")})
	}
	f := cmd.Flags()
	f.StringVar(&g.agent, "agent", "", "the agent, by name or id")
	f.StringVar(&g.user, "user", "", "the human, by id")
	f.StringVar(&g.path, "path", "", "pattern of paths: * for one part, ** for any number")
	f.StringSliceVar(&g.permissions, "permissions", []string{"read"}, "read, write (with which an agent may also delete), delete")
	f.StringSliceVar(&g.addresses, "ip", nil, "only from these address ranges (CIDR)")
	f.StringVar(&g.after, "after", "", "only after this time of day (HH:MM)")
	f.StringVar(&g.before, "before", "", "only before this time of day (HH:MM)")
	f.BoolVar(&g.approval, "require-approval", false, "ask a human to approve each use")
	f.IntVar(&g.uses, "approval-uses", 0, "how often an approval can be used (default 1)")
	f.Int64Var(&g.valid, "approval-seconds", 0, "how long it can be used (default 900)")
	f.StringVar(&g.zone, "timezone", "UTC", "time zone of --after and --before")
	return cmd
}

func (g *grantFlags) conditions() (*client.Conditions, error) {
	if (g.after == "") != (g.before == "") {
		return nil, console.Usage("Give --after and --before together.")
	}
	if !g.approval && (g.uses != 0 || g.valid != 0) {
		return nil, console.Usage("--approval-uses and --approval-seconds go with --require-approval.")
	}
	if g.after == "" && len(g.addresses) == 0 && !g.approval {
		return nil, nil
	}
	k := &client.Conditions{IPAllowlist: g.addresses}
	if g.after != "" {
		k.TimeWindow = &client.TimeWindow{After: g.after, Before: g.before, Timezone: g.zone}
	}
	if g.approval {
		k.RequireApproval = &client.ApprovalTerms{ValidSeconds: g.valid, MaxUses: g.uses}
	}
	return k, nil
}

func (g *grantFlags) principal(ctx context.Context, cl *client.Client) (typ, id string, err error) {
	if g.user != "" {
		return "user", g.user, nil
	}
	id, err = agentID(ctx, cl, g.agent)
	return "agent", id, err
}

func (c *cli) policyList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the policies of a vault: id, pattern, principal, permissions, conditions, expiry",
		Args:    args(),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, _ []string) error {
			all, err := cl.Policies(ctx, vault)
			return list(c, "policies", all, err, []string{"ID", "PATH", "GRANTED TO", "PERMISSIONS", "CONDITIONS", "EXPIRES"}, "No policies.", func(p client.Policy) []string {
				return []string{c.Short(p.ID), p.SecretPathPattern, p.PrincipalType + ":" + c.Short(p.PrincipalID),
					strings.Join(p.Permissions, ","), compact(p.Conditions), c.Maybe(p.ExpiresAt, "never")}
			})
		}),
	})
}

func (c *cli) policyDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Take a grant back; the first 8 characters of its id do",
		Args:  args("ID"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			id, err := policyID(ctx, cl, vault, a[0])
			if err != nil {
				return err
			}
			if err := c.Confirm(ctx, yes, "Take the policy "+id+" back?"); err != nil {
				return err
			}
			if err := cl.DeletePolicy(ctx, vault, id); err != nil {
				return err
			}
			return c.did(map[string]any{"id": id, "deleted": true}, "Took the policy %s back.", id)
		}),
	}
	yesFlag(cmd, &yes)
	return cmd
}
