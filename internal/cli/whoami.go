package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

func (c *cli) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Show who you are logged in as, and where",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			base, credential, err := c.Reach()
			if err != nil {
				return err
			}
			cl, err := c.Connect(base, client.WithToken(credential))
			if err != nil {
				return err
			}
			if ofAgent(credential) {
				a, err := cl.AgentMe(ctx)
				if err != nil {
					return err
				}
				return c.printSelf(cl.BaseURL(), a)
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

// ofAgent tells by its looks that a credential is an agent's: asking as a human
// first would leave a refusal in the log. Nothing rests on it; the server decides.
func ofAgent(credential string) bool {
	if strings.HasPrefix(credential, "ocv_") {
		return true
	}
	parts := strings.Split(credential, ".")
	if len(parts) != 3 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	return json.Unmarshal(b, &claims) == nil && strings.HasPrefix(claims.Subject, "agent:")
}

func (c *cli) printUser(base string, u *client.User) error {
	id, vault := c.UsedVault()
	if c.JSON {
		return c.PrintJSON(struct {
			Type   string `json:"type"`
			APIURL string `json:"api_url"`
			*client.User
			VaultID string `json:"vault_id,omitempty"`
		}{"user", base, u, id})
	}
	used := []field{}
	if id != "" {
		used = append(used, field{"Vault", vault})
	}
	return c.PrintFields(append([]field{{"Type", "user"}, {"ID", u.ID}, {"Email", u.Email},
		{"Name", u.DisplayName}, {"Role", u.Role}, {"Org", u.OrgID}, {"Server", base}}, used...)...)
}

func (c *cli) printSelf(base string, a *client.AgentSelf) error {
	if c.JSON {
		return c.PrintJSON(struct {
			Type   string `json:"type"`
			APIURL string `json:"api_url"`
			*client.AgentSelf
		}{"agent", base, a})
	}
	return c.PrintFields(field{"Type", "agent"}, field{"ID", a.ID}, field{"Name", a.Name},
		field{"Scopes", strings.Join(a.Scopes, ",")}, field{"Org", a.OrgID}, field{"Server", base})
}
