package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) orgInvite() *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "invite EMAIL",
		Short: "Invite somebody by mail; the invitation can be accepted for a week",
		Long: `Invite somebody by mail. The invitation can be accepted for a week, or, where nobody can be asked
for a password, until the stored login ends; the mail says until when.`,
		Args: args("EMAIL"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if roles := []string{"owner", "admin", "member"}; !slices.Contains(roles, role) {
				return console.Usage("--role takes " + oneOf(roles) + ".")
			}
			if err := checkEmail("EMAIL", a[0]); err != nil {
				return err
			}
			week := c.Now().Add(7 * 24 * time.Hour)
			cl, done, err := c.Outlasting(cmd.Context(), &week)
			if err != nil {
				return err
			}
			defer done()
			if err := cl.Invite(cmd.Context(), a[0], role); err != nil {
				return err
			}
			return c.did(map[string]any{"email": a[0], "role": role, "invited": true}, "Invited %s.", a[0])
		},
	}
	cmd.Flags().StringVar(&role, "role", "member", "owner, admin or member")
	return c.mayAsk(cmd)
}

func (c *cli) orgInvitations() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "invitations",
		Short: "List the invitations that nobody has accepted",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Invitations(ctx)
			return list(c, "invitations", all, err, []string{"ID", "EMAIL", "ROLE", "STATUS", "EXPIRES"}, "No invitations.", func(i client.Invitation) []string {
				status := "waiting"
				if i.IsExpired {
					status = "expired"
				}
				return []string{c.Short(i.ID), i.Email, i.Role, status, c.When(i.ExpiresAt)}
			})
		}),
	})
}

func (c *cli) orgResend() *cobra.Command {
	return &cobra.Command{
		Use:   "resend EMAIL|ID",
		Short: "Mail an invitation again; the link in the earlier mail stops working",
		Args:  args("EMAIL|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.onInvitation(cmd.Context(), a[0], "resent", (*client.Client).ResendInvitation)
		},
	}
}

func (c *cli) orgRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke EMAIL|ID",
		Short: "Withdraw an invitation",
		Args:  args("EMAIL|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.onInvitation(cmd.Context(), a[0], "revoked", (*client.Client).RevokeInvitation)
		},
	}
}

func (c *cli) onInvitation(ctx context.Context, ref, past string, do func(*client.Client, context.Context, string) error) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	id, err := invitationID(ctx, cl, ref)
	if err != nil {
		return err
	}
	if err := do(cl, ctx, id); err != nil {
		return err
	}
	return c.did(map[string]any{"id": id, past: true}, "The invitation %s was %s.", ref, past)
}

// orgAccept takes the token as an argument too, as the mail shows it: it is good
// once, and for the account with the address that it was mailed to alone.
func (c *cli) orgAccept() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:   "accept [TOKEN]",
		Short: "Join the organisation that invited you, with the token of the mail",
		Long: `Join the organisation that invited your address. The token of the mail is asked for on
a terminal, or read from stdin, where it is not given; then your password is asked
for, and the code of the second factor if you have one: a stored login stays in its
organisation. Where the token comes on stdin, give --password-file.

Your login stays where it is: ` + "`oneclaw org switch`" + ` leads to the new organisation.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) > 1 {
				return console.Usage("Too many arguments. Usage: " + cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			token, err := c.invitationToken(ctx, a, &who)
			if err != nil {
				return err
			}
			return c.AsPerson(ctx, &who, func(cl *client.Client) error {
				joined, err := cl.AcceptInvitation(ctx, token)
				if err != nil {
					return err
				}
				if c.JSON {
					return c.PrintJSON(joined)
				}
				if err := c.PrintFields(field{"Organisation", joined.OrgID}, field{"Role", joined.Role}); err != nil {
					return err
				}
				c.Done("You are a member. To work there: %s.", console.Quote("oneclaw org switch "+joined.OrgID))
				return nil
			})
		},
	}
	who.Add(cmd)
	return cmd
}

func (c *cli) invitationToken(ctx context.Context, given []string, who *session.PersonFlags) (client.Value, error) {
	if len(given) > 0 {
		return client.ValueOf(strings.TrimSpace(given[0])), nil
	}
	if !c.Interactive() && who.FromStdin() {
		return client.Value{}, console.Usage("Give the token of the mail as an argument, or on stdin together with --password-file.")
	}
	v, err := c.ReadValue(ctx, "", "Token of the invitation", false)
	if fault.CodeOf(err) == console.CodeEmpty {
		return v, console.Usage("The token is empty. It is in the mail that invites you.")
	}
	if err != nil {
		return v, err
	}
	return client.ValueOf(strings.TrimSpace(string(v.Reveal()))), nil
}
