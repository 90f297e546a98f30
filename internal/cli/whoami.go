package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

func (c *cli) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Show who the server takes you for",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cl, err := c.session()
			if err != nil {
				return err
			}
			u, err := cl.Me(ctx)
			if err == nil {
				return c.printUser(cl.BaseURL(), u)
			}
			// An agent is refused as a human. Its own answer decides, unless it is
			// not an agent either: then the first refusal is the true one.
			if !client.IsStatus(err, 403) {
				return err
			}
			a, aerr := cl.AgentMe(ctx)
			if client.IsStatus(aerr, 403) {
				return err
			}
			if aerr != nil {
				return aerr
			}
			return c.printSelf(cl.BaseURL(), a)
		},
	}
}

func (c *cli) printUser(base string, u *client.User) error {
	if c.jsonOut {
		return c.printJSON(struct {
			Type   string `json:"type"`
			APIURL string `json:"api_url"`
			*client.User
		}{"user", base, u})
	}
	return c.printFields(field{"Type", "user"}, field{"ID", u.ID}, field{"Email", u.Email},
		field{"Name", u.DisplayName}, field{"Role", u.Role}, field{"Org", u.OrgID}, field{"Server", base})
}

func (c *cli) printSelf(base string, a *client.AgentSelf) error {
	if c.jsonOut {
		return c.printJSON(struct {
			Type   string `json:"type"`
			APIURL string `json:"api_url"`
			*client.AgentSelf
		}{"agent", base, a})
	}
	return c.printFields(field{"Type", "agent"}, field{"ID", a.ID}, field{"Name", a.Name},
		field{"Scopes", strings.Join(a.Scopes, ",")}, field{"Org", a.OrgID}, field{"Server", base})
}
