package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) request() *cobra.Command {
	var r client.HTTPRequest
	var headers, query []string
	var data string
	var how shownAnswer
	cmd := &cobra.Command{
		Use:   "request URL",
		Short: "Have the server send a request with a secret in it, which is not shown",
		Long: `Have the server send a request with a secret in it, to a host that the secret is bound
to: see ` + "`oneclaw bind`" + `. {{secret:PATH}} or oneclaw://VAULT/PATH stands where the secret goes.
What is printed is the answer, with the secret taken out. --json prints status, headers
and body. --data, --include and --fail are as curl has them, but that a body that is JSON is
sent as JSON.`,
		Example: `  oneclaw request https://api.stripe.com/v1/balance -H 'Authorization: Bearer {{secret:api-keys/stripe}}'
  oneclaw request https://api.example.com/v1/login -d '{"password": "{{secret:app/login}}"}' --fail`,
		Args: args("URL"),
		RunE: func(cmd *cobra.Command, a []string) error {
			r.URL = a[0]
			var err error
			if r.Headers, err = headersOf(headers); err != nil {
				return err
			}
			if r.Query, err = pairs(query, "=", "--query takes NAME=VALUE."); err != nil {
				return err
			}
			if data, err = c.bodyOf(data, r.Headers); err != nil {
				return err
			}
			if data != "" {
				if r.Body, err = json.Marshal(data); err != nil {
					return err
				}
				if r.Method == "" {
					r.Method = "POST"
				}
			}
			if r.Method == "" {
				r.Method = "GET"
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			used, _ := c.UsedVault()
			r.VaultID = cmp.Or(c.vault, c.Getenv("ONECLAW_VAULT_ID"), used)
			return c.send(cmd.Context(), cl, r, how)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.Method, "method", "X", "", "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS (GET; POST with --data)")
	f.StringArrayVarP(&headers, "header", "H", nil, "a header, as 'NAME: VALUE'")
	f.StringArrayVar(&query, "query", nil, "a query parameter, as NAME=VALUE")
	f.StringVarP(&data, "data", "d", "", dataUsage)
	how.flags(f)
	return cmd
}

func (c *cli) send(ctx context.Context, cl *client.Client, r client.HTTPRequest, how shownAnswer) error {
	got, err := cl.SendRequest(ctx, r)
	if err != nil {
		return err
	}
	return c.showAnswer(got, got, how)
}

// pairs reads NAME and VALUE on both sides of a mark.
func pairs(all []string, mark, usage string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range all {
		name, value, ok := strings.Cut(text, mark)
		if !ok || strings.TrimSpace(name) == "" {
			return nil, console.Usage(usage)
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return out, nil
}
