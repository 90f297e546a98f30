package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) sessionsList() *cobra.Command {
	var ended bool
	cmd := c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List your logins and devices that have not ended, newest first",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Sessions(ctx, ended)
			return list(c, "sessions", all, err, []string{"ID", "KIND", "THIS", "PROGRAM", "ADDRESS", "CREATED", "LAST SEEN", "ENDS"}, "No sessions.", func(s client.Session) []string {
				ends := c.When(s.ExpiresAt)
				if s.EndedAt != nil {
					ends = c.When(*s.EndedAt)
				}
				return []string{c.Short(s.ID), s.Kind, console.YesNo(s.Current), s.Client, s.Address, c.When(s.CreatedAt), c.Maybe(s.LastSeenAt, "never"), ends}
			})
		}),
	})
	cmd.Flags().BoolVar(&ended, "ended", false, "those of the last 30 days that have ended, too")
	return cmd
}

func (c *cli) sessionsMade() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "made ID",
		Short: "List what was made with a login or device, and whether it still works",
		Args:  args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := sessionID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			return c.printMade(cl.MadeWithSession(ctx, id))
		}),
	})
}

func (c *cli) sessionsEnd() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "end ID",
		Short: "End a login or device, its tokens and what was made with it; it asks for your password",
		Long: `End a login or device, its tokens and what was made with it. It asks for your password.
"oneclaw sessions made ID" shows what that is, and --keep keeps it.`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			id, err := sessionID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			ended, err := cl.StopSession(cmd.Context(), id, keep)
			if err != nil {
				return err
			}
			if !c.JSON {
				c.sayEnded(ended)
			}
			return c.did(map[string]bool{"ended": true}, "The session has ended.")
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the keys, agents, shares and policies that were made with it")
	return c.mayAsk(cmd)
}

func (c *cli) sessionsEndAll() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "end-all",
		Short: "Log out everywhere; it asks for your password",
		Long: `Log out everywhere: all your logins and devices end, this one too. API keys that last
longer than a day have a list of their own, and stay, and so does what the logins made:
"oneclaw sessions list --ended" and "sessions end ID" end that, one by one.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.Client()
			if err == nil {
				err = cl.EndSessions(cmd.Context(), false)
			}
			if err != nil {
				return err
			}
			return c.did(map[string]bool{"ended": true}, "All sessions have ended, of this command too: run `oneclaw login` to go on.")
		},
	})
}
