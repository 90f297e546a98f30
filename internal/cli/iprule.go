package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) ipRuleList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the rules: id, what they do, network, for whom, label",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.IPRules(ctx)
			return list(c, "rules", all, err, []string{"ID", "RULE", "NETWORK", "FOR", "NAME"}, "No rules: every address may.", func(r client.IPRule) []string {
				return []string{c.Short(r.ID), r.RuleType, r.CIDR, r.AppliesTo, r.Label}
			})
		}),
	})
}

func (c *cli) ipRuleAdd() *cobra.Command {
	var who session.PersonFlags
	var r client.IPRuleCreate
	cmd := &cobra.Command{
		Use:   "add allow|deny NETWORK",
		Short: "Allow or deny a network",
		Long: `Allow or deny a network or an address. Deny wins; where any rule allows, an
address must match one that does. A rule that keeps out the address that you ask from
is refused unless --force is given.`,
		Example: `  oneclaw ip-rule add allow 192.0.2.0/24 --label office
  oneclaw ip-rule add deny 2001:db8::/32 --for agent`,
		Args: args("RULE", "NETWORK"),
		RunE: func(cmd *cobra.Command, a []string) error {
			r.RuleType, r.CIDR = a[0], a[1]
			if rules := []string{"allow", "deny"}; !slices.Contains(rules, r.RuleType) {
				return console.Usage("A rule is " + oneOf(rules) + ".")
			}
			if kinds := []string{"all", "user", "agent"}; !slices.Contains(kinds, r.AppliesTo) {
				return console.Usage("--for takes " + oneOf(kinds) + ".")
			}
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				made, err := cl.CreateIPRule(cmd.Context(), r)
				if err != nil {
					return err
				}
				return c.show(made, field{"ID", made.ID}, field{"Rule", made.RuleType}, field{"Network", made.CIDR},
					field{"For", made.AppliesTo}, field{"Label", made.Label})
			})
		},
	}
	who.Add(cmd)
	f := cmd.Flags()
	f.StringVar(&r.AppliesTo, "for", "all", "all, user or agent")
	f.StringVar(&r.Label, "label", "", "a name for people")
	f.BoolVar(&r.Force, "force", false, "also when it keeps out the address that you ask from; it asks for your password then")
	return cmd
}

func (c *cli) ipRuleDelete() *cobra.Command {
	var who session.PersonFlags
	var yes, force bool
	cmd := &cobra.Command{
		Use:   "delete NETWORK|LABEL|ID",
		Short: "Delete a rule",
		Args:  args("NETWORK|LABEL|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			id, err := ipRuleID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			if err := c.Confirm(cmd.Context(), yes, "Delete the rule "+a[0]+"?"); err != nil {
				return err
			}
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				if err := cl.DeleteIPRule(cmd.Context(), id, force); err != nil {
					return err
				}
				return c.did(map[string]any{"id": id, "deleted": true}, "Deleted the rule %s.", a[0])
			})
		},
	}
	who.Add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "also when that keeps out the address that you ask from; it asks for your password then")
	yesFlag(cmd, &yes)
	return cmd
}
