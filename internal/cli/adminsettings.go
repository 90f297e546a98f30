package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) settingList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the settings that were changed: key, value, by whom, when",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Settings(ctx)
			return list(c, "settings", all, err, []string{"KEY", "VALUE", "BY", "WHEN"}, "Nothing is set: the server's defaults hold.", func(s client.Setting) []string {
				return []string{s.Key, s.Value, c.Short(s.UpdatedBy), c.When(s.UpdatedAt)}
			})
		}),
	})
}

func (c *cli) settingSet() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:     "set KEY VALUE",
		Short:   "Change a setting of the whole server; to change where payments go takes your password",
		Example: `  oneclaw admin settings set billing.default_tier free`,
		Args:    args("KEY", "VALUE"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				s, err := cl.PutSetting(cmd.Context(), a[0], a[1])
				if err != nil {
					return err
				}
				return c.did(s, "%s is %s now.", s.Key, s.Value)
			})
		},
	}
	who.Add(cmd)
	return cmd
}

func (c *cli) settingUnset() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "unset KEY",
		Short: "Remove a setting: the server's default applies again",
		Args:  args("KEY"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if err := cl.DeleteSetting(ctx, a[0]); err != nil {
				return err
			}
			return c.did(map[string]any{"key": a[0], "deleted": true}, "%s is not set any more.", a[0])
		}),
	})
}
