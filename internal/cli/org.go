package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) orgMembers() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "members",
		Short: "List the members of your organisation: id, mail address, name, role, since when",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Members(ctx)
			return list(c, "members", all, err, []string{"ID", "EMAIL", "NAME", "ROLE", "SINCE"}, "No members.", func(m client.Member) []string {
				return []string{c.Short(m.ID), m.Email, m.DisplayName, m.Role, c.When(m.CreatedAt)}
			})
		}),
	})
}

func (c *cli) orgRole() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "role MEMBER owner|admin|member",
		Short: "Give a member another role; name them by mail address, name or id",
		Args:  args("MEMBER", "ROLE"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if roles := []string{"owner", "admin", "member"}; !slices.Contains(roles, a[1]) {
				return console.Usage("A role is " + oneOf(roles) + ".")
			}
			id, err := memberID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			m, err := cl.UpdateMemberRole(ctx, id, a[1])
			if err != nil {
				return err
			}
			return c.did(m, "%s is %s now.", m.Email, m.Role)
		}),
	})
}

func (c *cli) orgRemove() *cobra.Command {
	return c.mayAsk(c.removes(&cobra.Command{
		Use:   "remove MEMBER",
		Short: "Remove a member, with their keys and policies; their agents stop and become yours",
		Args:  args("MEMBER"),
	}, memberID, "Remove %s from the organisation?", (*client.Client).RemoveMember, "removed", "Removed %s."))
}

func (c *cli) orgList() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the organisations that you belong to",
		Long: `List the organisations that you belong to. Your password is asked for: a stored
login is an API key of one organisation, and is shown nothing of others.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.AsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				all, err := cl.Orgs(cmd.Context())
				if err != nil {
					return err
				}
				c.markCurrent(all)
				if c.JSON {
					return c.PrintJSON(map[string]any{"orgs": orEmpty(all)})
				}
				var rows [][]string
				for _, o := range all {
					rows = append(rows, []string{c.Short(o.ID), o.Name, o.Role, console.YesNo(o.IsCurrent), c.When(o.JoinedAt)})
				}
				return c.PrintRows([]string{"ID", "NAME", "ROLE", "CURRENT", "SINCE"}, rows, "No organisations.")
			})
		},
	}
	who.Add(cmd)
	return c.wideFlag(cmd)
}

// markCurrent marks the organisation that the stored login is for: the login
// that asked is over in a moment.
func (c *cli) markCurrent(all []client.Org) {
	s, err := c.LoadStored()
	if err != nil || s == nil || s.OrgID == "" {
		return
	}
	if base, err := c.BaseURL(); err != nil || base != s.APIURL {
		return
	}
	for i := range all {
		all[i].IsCurrent = all[i].ID == s.OrgID
	}
}

func (c *cli) orgSwitch() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:   "switch NAME|ID",
		Short: "Switch to another of your organisations, also for later logins",
		Long: `Switch to another of your organisations, also for later logins. Your password
is asked for, and the code of the second factor if you have one: a stored login stays in
its organisation. It is replaced by one of the other, and revoked.`,
		Args: args("ORGANISATION"),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			base, err := c.BaseURL()
			if err != nil {
				return err
			}
			cl, err := c.SignIn(ctx, &who)
			if err != nil {
				return err
			}
			err = c.switchOrg(ctx, cl, base, a[0])
			// Where the server gave no key, the login is what was kept.
			if s, lost := c.LoadStored(); err != nil || lost != nil || s == nil || s.KeyID != "" {
				c.End(ctx, cl)
			}
			return err
		},
	}
	who.Add(cmd)
	return cmd
}

// switchOrg keeps a login for another organisation.
func (c *cli) switchOrg(ctx context.Context, cl *client.Client, base, ref string) error {
	id, err := orgID(ctx, cl, ref)
	if err != nil {
		return err
	}
	token, err := cl.SwitchOrg(ctx, id)
	if err != nil {
		return err
	}
	return c.Keep(ctx, cl.UsingToken(string(token.AccessToken.Reveal())), base, *token)
}
