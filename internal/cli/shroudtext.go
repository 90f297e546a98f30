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
flagged, without secrets and personal data. ID is that of the request, as ` + "`oneclaw shroud activity`" + ` shows it.
The server keeps them only where its operator has set ONECLAW_SHROUD_KEEP_FLAGGED. It takes an
owner or admin, it asks for your password, and each reading is in the audit log.`,
		Args: args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := modelRequestID(ctx, cl, a[0]) // before a password is asked for
			if err != nil {
				return err
			}
			got, err := cl.FlaggedTexts(ctx, id)
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

var kindModelRequest = newKind("request to a language model", "requests", "model_request_not_found", "oneclaw shroud activity")

// modelRequestID finds one of the newest requests to a language model by the beginning of its id.
func modelRequestID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindModelRequest, ref, func() ([]client.ModelRequest, error) {
		page, err := cl.ShroudActivity(ctx, client.ModelRequestFilter{Limit: 1000})
		if err != nil {
			return nil, err
		}
		return page.Events, nil
	}, func(r client.ModelRequest) candidate {
		return candidate{id: r.ID, note: r.Provider + "/" + r.Model + ", " + r.Timestamp.UTC().Format("2006-01-02 15:04:05")}
	})
}
