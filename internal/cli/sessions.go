package cli

import (
	"github.com/spf13/cobra"
)

func (c *cli) sessionsCommand() *cobra.Command {
	return group("sessions", "Your logins and devices", c.sessionsList(), c.sessionsEnd(), c.sessionsEndAll())
}

func (c *cli) sessionsList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List your logins and devices that have not ended, newest first",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.session()
			if err != nil {
				return err
			}
			all, err := cl.Sessions(cmd.Context())
			if err != nil {
				return err
			}
			if c.jsonOut {
				return c.printJSON(map[string]any{"sessions": orEmpty(all)})
			}
			var rows [][]string
			for _, s := range all {
				rows = append(rows, []string{s.ID, s.Kind, s.Client, s.Address, c.when(s.CreatedAt), c.maybe(s.LastSeenAt, "never"), yesNo(s.Current)})
			}
			return c.printRows([]string{"ID", "KIND", "PROGRAM", "ADDRESS", "CREATED", "LAST SEEN", "THIS"}, rows, "No sessions.")
		},
	})
}

func (c *cli) sessionsEnd() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "end ID",
		Short: "End a login or device, its tokens and what was made with it; it asks for your password",
		Args:  args("ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.session()
			var ended string
			if err == nil {
				ended, err = cl.StopSession(cmd.Context(), a[0], keep)
			}
			if err != nil {
				return err
			}
			if !c.jsonOut {
				c.sayEnded(ended)
			}
			return c.said("ended", "The session has ended.")
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the keys, agents, shares and policies that were made with it")
	return cmd
}

func (c *cli) sessionsEndAll() *cobra.Command {
	return &cobra.Command{
		Use:   "end-all",
		Short: "Log out everywhere; it asks for your password",
		Long: `Log out everywhere: all your logins and devices end, this one too. API keys that last
longer than a day have a list of their own, and stay.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.session()
			if err == nil {
				err = cl.EndSessions(cmd.Context(), false)
			}
			if err != nil {
				return err
			}
			return c.said("ended", "All sessions have ended, of this command too: run `oneclaw login` to go on.")
		},
	}
}
