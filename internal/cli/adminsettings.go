package cli

import (
	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) settingList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what is set: key, value, by whom, when",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.Settings(cmd.Context())
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"settings": orEmpty(all)})
			}
			var rows [][]string
			for _, s := range all {
				rows = append(rows, []string{s.Key, s.Value, c.Short(s.UpdatedBy), c.When(s.UpdatedAt)})
			}
			return c.PrintRows([]string{"KEY", "VALUE", "BY", "WHEN"}, rows, "Nothing is set: the server's defaults hold.")
		},
	})
}

func (c *cli) settingSet() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:     "set KEY VALUE",
		Short:   "Set something for the whole server; where payments go takes your password",
		Example: `  oneclaw admin settings set billing.default_tier free`,
		Args:    args("KEY", "VALUE"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				s, err := cl.PutSetting(cmd.Context(), a[0], a[1])
				if err != nil {
					return err
				}
				if c.JSON {
					return c.PrintJSON(s)
				}
				c.Done("%s is %s now.", s.Key, s.Value)
				return nil
			})
		},
	}
	who.Add(cmd)
	return cmd
}

func (c *cli) settingUnset() *cobra.Command {
	return &cobra.Command{
		Use:   "unset KEY",
		Short: "Take a setting back: the server's default holds",
		Args:  args("KEY"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			if err := cl.DeleteSetting(cmd.Context(), a[0]); err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"key": a[0], "deleted": true})
			}
			c.Done("%s is not set any more.", a[0])
			return nil
		},
	}
}
