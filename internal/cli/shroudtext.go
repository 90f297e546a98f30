package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

func (c *cli) shroudText() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "text ID",
		Short: "Show what was flagged in a request to a language model; it asks for your password",
		Long: `Show the parts of a request to a language model, and of its answer, in which something was
flagged, without secrets and personal data. ID is that of the request, as ` + "`oneclaw shroud activity --wide`" + ` shows it.
The server keeps them only where its operator has set ONECLAW_SHROUD_KEEP_FLAGGED. It takes an
owner or admin, it asks for your password, and each reading is in the audit log.`,
		Args: args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			got, err := cl.FlaggedTexts(ctx, a[0])
			if err != nil {
				return err
			}
			if c.JSON {
				got.Texts = orEmpty(got.Texts)
				return c.PrintJSON(got)
			}
			rows := make([][]string, 0, len(got.Texts))
			for _, t := range got.Texts {
				rows = append(rows, []string{c.forPeople(t.Threat), t.Pattern, t.Action, t.Location, t.Text})
			}
			return c.PrintRows([]string{"FOUND", "PATTERN", "ACTION", "WHERE", "TEXT"}, rows, "No texts.")
		}),
	})
}
