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
	agent, user, path, expires string
	permissions                []string
	terms                      termFlags
}

func (c *cli) policyCreate() *cobra.Command {
	var g grantFlags
	cmd := &cobra.Command{
		Use:   "create (--agent NAME|ID | --user EMAIL|ID) --path PATTERN",
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
		if err := checkPattern(g.path); err != nil {
			return err
		}
		if err := checkPermissions(g.permissions); err != nil {
			return err
		}
		conditions, err := g.terms.over(cmd.Flags(), nil)
		if err == nil {
			err = checkAddresses(g.terms.addresses)
		}
		if err == nil {
			err = checkConditions(conditions)
		}
		if err != nil {
			return err
		}
		ends, err := expiry()
		if err != nil {
			return err
		}
		cl, vault, err := c.atVault(cmd.Context()) // arguments are checked before a password is asked for
		if err != nil {
			return err
		}
		typ, id, err := principal(cmd.Context(), cl, g.agent, g.user)
		if err != nil {
			return err
		}
		cl, done, err := c.Outlasting(cmd.Context(), ends)
		if err != nil {
			return err
		}
		defer done()
		p, err := cl.CreatePolicy(cmd.Context(), vault, client.PolicyGrant{SecretPathPattern: g.path,
			PrincipalType: typ, PrincipalID: id, Permissions: g.permissions, Conditions: conditions, ExpiresAt: ends})
		if err != nil {
			return err
		}
		c.EndsEarly("policy", ends, p.ExpiresAt, "")
		return c.printPolicy(cmd.Context(), cl, p)
	}
	f := cmd.Flags()
	f.StringVar(&g.agent, "agent", "", "the agent, by name or id")
	f.StringVar(&g.user, "user", "", "the person, by mail address, name or id")
	f.StringVar(&g.path, "path", "", "pattern of paths: * for one part, ** for any number")
	f.StringSliceVar(&g.permissions, "permissions", []string{"read"}, "read, write (with which an agent may also delete), delete")
	g.terms.flags(cmd)
	return c.mayAsk(cmd)
}

func checkPermissions(all []string) error {
	for _, p := range all {
		if p == "admin" {
			return console.Usage("A policy gives no right to manage: --permissions takes read, use, write and delete. To have somebody manage vaults, see `oneclaw org role`.")
		}
		if !slices.Contains([]string{"read", "use", "write", "delete"}, p) {
			return console.Usage("--permissions takes read, use, write, delete, or several of them with commas between.")
		}
	}
	return nil
}

// principal is the agent or the member that one of the two names.
func principal(ctx context.Context, cl *client.Client, agent, user string) (typ, id string, err error) {
	if user != "" {
		id, err = memberID(ctx, cl, user)
		return "user", id, err
	}
	id, err = agentID(ctx, cl, agent)
	return "agent", id, err
}

func (c *cli) printPolicy(ctx context.Context, cl *client.Client, p *client.Policy) error {
	for _, w := range p.Warnings {
		c.Warn(w)
	}
	who := calledIn(ctx, c, cl, []client.Policy{*p}, ofPolicy)
	return c.show(p, field{"ID", p.ID}, field{"Path", p.SecretPathPattern},
		field{"Granted to", who.full(p.PrincipalType, p.PrincipalID)}, field{"Permissions", strings.Join(p.Permissions, ",")},
		field{"Conditions", c.conditions(p.Conditions)}, field{"Expires", c.Maybe(p.ExpiresAt, "never")})
}

func ofPolicy(p client.Policy) (kind, id string) { return p.PrincipalType, p.PrincipalID }

func (c *cli) policyList() *cobra.Command {
	var agent, user string
	cmd := c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the policies of a vault: id, pattern, to whom, permissions, conditions, expiry",
		Args:    args(),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, _ []string) error {
			if agent != "" && user != "" {
				return console.Usage("Give --agent or --user, not both.")
			}
			of := ""
			if agent != "" || user != "" {
				var err error
				if _, of, err = principal(ctx, cl, agent, user); err != nil {
					return err
				}
			}
			all, err := cl.Policies(ctx, vault)
			all = slices.DeleteFunc(all, func(p client.Policy) bool { return of != "" && p.PrincipalID != of })
			who := calledIn(ctx, c, cl, all, ofPolicy)
			return list(c, "policies", all, err, []string{"ID", "PATTERN", "GRANTED TO", "PERMISSIONS", "CONDITIONS", "EXPIRES"}, "No policies.", func(p client.Policy) []string {
				return []string{c.Short(p.ID), p.SecretPathPattern, who.of(p.PrincipalType, p.PrincipalID),
					strings.Join(p.Permissions, ","), c.conditions(p.Conditions), c.Maybe(p.ExpiresAt, "never")}
			})
		}),
	})
	cmd.Flags().StringVar(&agent, "agent", "", "only those of this agent, by name or id")
	cmd.Flags().StringVar(&user, "user", "", "only those of this person, by mail address, name or id")
	return cmd
}

func (c *cli) policyDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID|PATTERN",
		Short: "Revoke a grant",
		Args:  args("ID|PATTERN"),
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
	return c.mayAsk(cmd)
}
