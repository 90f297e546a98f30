package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) webhookCreate() *cobra.Command {
	var w client.WebhookCreate
	cmd := &cobra.Command{
		Use:   "create URL --events WORD[,WORD...]",
		Short: "Have an address called for events of the audit log, and print its signing secret, once",
		Long: `Have an address called for events of the audit log, each call signed with a secret that
is printed this once. Owners and admins may; your password is asked for.`,
		Example: `  oneclaw webhook create https://hooks.example.com/oneclaw --events 'secret.*,policy.create'`,
		Args:    args("URL"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if len(w.Events) == 0 {
				return console.Usage("Give --events: actions as `oneclaw audit list` shows them, such as secret.write, all of an area with secret.*, or *.")
			}
			w.URL = a[0]
			made, err := cl.CreateWebhook(ctx, w)
			if err != nil {
				return err
			}
			defer made.Secret.Wipe()
			secret := string(made.Secret.Reveal())
			if c.JSON {
				return c.PrintJSON(struct {
					ID          string   `json:"id"`
					URL         string   `json:"url"`
					Secret      string   `json:"secret"`
					Events      []string `json:"events"`
					Description string   `json:"description"`
				}{made.ID, made.URL, secret, made.Events, made.Description})
			}
			err = c.PrintFields(field{"ID", made.ID}, field{"URL", made.URL}, field{"Events", strings.Join(made.Events, ",")},
				field{"Description", made.Description}, field{"Secret", secret})
			c.Note("Keep the secret now: it is not shown again.")
			return err
		}),
	}
	eventFlags(cmd, &w.Events, &w.Description)
	return c.mayAsk(cmd)
}

func eventFlags(cmd *cobra.Command, events *[]string, description *string) {
	cmd.Flags().StringSliceVar(events, "events", nil, "actions of the log such as secret.write, all of an area with secret.*, or *")
	cmd.Flags().StringVar(description, "description", "", "what it is for")
}

func (c *cli) webhookList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the webhooks: id, address, events, status, when a call was last taken",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Webhooks(ctx)
			return list(c, "webhooks", all, err, []string{"ID", "URL", "EVENTS", "STATUS", "DELIVERED"}, "No webhooks. Make one with `oneclaw webhook create URL`.", func(w client.Webhook) []string {
				return []string{c.Short(w.ID), w.URL, strings.Join(w.Events, ","), w.Status, c.Maybe(w.LastDeliveredAt, "never")}
			})
		}),
	})
}

func (c *cli) webhookShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID|URL",
		Aliases: []string{"get"},
		Short:   "Show a webhook, and how its latest call went",
		Args:    args("ID|URL"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := webhookID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			w, err := cl.Webhook(ctx, id)
			if err != nil {
				return err
			}
			return c.printWebhook(w)
		}),
	}
}

func (c *cli) webhookUpdate() *cobra.Command {
	var w client.WebhookChange
	var url, description string
	var start, stop bool
	cmd := &cobra.Command{
		Use:   "update ID|URL",
		Short: "Change a webhook, stop it, or let it go on; what is not given stays",
		Long: `Change a webhook; what is not given stays. --stop ends the calls, and --start lets them go
on with the next event, also after a pause. To send more, elsewhere or again takes your
password.`,
		Args: args("ID|URL"),
	}
	cmd.RunE = withChange(c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		if start && stop {
			return console.Usage("Give --start or --stop, not both.")
		}
		if start || stop {
			w.IsActive = &start
		}
		if cmd.Flags().Changed("url") {
			w.URL = &url
		}
		if cmd.Flags().Changed("description") {
			w.Description = &description
		}
		id, err := webhookID(ctx, cl, a[0])
		if err != nil {
			return err
		}
		after, err := cl.UpdateWebhook(ctx, id, w)
		if err != nil {
			return err
		}
		return c.printWebhook(after)
	}))
	eventFlags(cmd, &w.Events, &description)
	cmd.Flags().StringVar(&url, "url", "", "another address to call")
	cmd.Flags().BoolVar(&start, "start", false, "let it go on")
	cmd.Flags().BoolVar(&stop, "stop", false, "call no more")
	return c.mayAsk(cmd)
}

func (c *cli) webhookDelete() *cobra.Command {
	return c.mayAsk(c.removes(&cobra.Command{Use: "delete ID|URL", Short: "End a webhook", Args: args("ID|URL")},
		webhookID, "End the webhook %s?", (*client.Client).DeleteWebhook, "deleted", "Ended the webhook %s."))
}

// webhookID finds a webhook by its address, its description or its id.
func webhookID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindWebhook, ref, func() ([]client.Webhook, error) { return cl.Webhooks(ctx) }, func(w client.Webhook) candidate {
		return candidate{id: w.ID, names: []string{w.URL, w.Description}, note: w.URL}
	})
}

func (c *cli) printWebhook(w *client.Webhook) error {
	status := ""
	if w.LastStatus > 0 {
		status = strconv.Itoa(w.LastStatus)
	}
	skipped := ""
	if w.Skipped > 0 {
		skipped = strconv.FormatUint(w.Skipped, 10)
	}
	return c.show(w, field{"ID", w.ID}, field{"URL", w.URL}, field{"Events", strings.Join(w.Events, ",")}, field{"Description", w.Description},
		field{"Status", w.Status}, field{"Last called", c.Maybe(w.LastCalledAt, "never")}, field{"Last answer", status},
		field{"Last error", c.forPeople(w.LastError)}, field{"Last delivered", c.Maybe(w.LastDeliveredAt, "never")},
		field{"Skipped events", skipped}, field{"Created", c.When(w.CreatedAt)})
}
