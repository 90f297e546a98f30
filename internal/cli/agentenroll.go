package cli

import (
	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) agentEnroll() *cobra.Command {
	var email, description string
	cmd := &cobra.Command{
		Use:   "enroll NAME --human EMAIL",
		Short: "Ask a human to take an agent in",
		Long: `Ask a human to take an agent in. No login is needed. If the human has an account, the
agent's key is mailed to them, with a link to a page where they say what the agent
may read, or reject it. Until then the key does not work. Whether the human has an
account does not show.`,
		Example: "  oneclaw agent enroll build-bot --human me@example.com",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkName(a[0]); err != nil {
				return err
			}
			if email == "" {
				return console.Usage("Say with --human whose agent it is to be.")
			}
			cl, err := c.Stranger()
			if err != nil {
				return err
			}
			message, err := cl.Enroll(cmd.Context(), a[0], email, description)
			if err != nil {
				return err
			}
			if !c.JSON && !c.IsTTY(c.Stderr) { // mostly an agent, which has to know what happens next
				return console.Write(c.Stdout, []byte(console.Clean(message)+"\n"))
			}
			return c.did(map[string]string{"message": message}, "%s", message)
		},
	}
	f := cmd.Flags()
	f.StringVar(&email, "human", "", "mail address of the human whose agent it is to be")
	f.StringVar(&description, "description", "", "what it is for")
	return cmd
}
