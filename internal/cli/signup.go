package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) signupCommand() *cobra.Command {
	var email, passwordFile, name string
	cmd := &cobra.Command{
		Use:   "signup",
		Short: "Make an account, where the server takes new ones",
		Long: `Make an account with an organisation of its own, where the server takes new accounts
(ONECLAW_SIGNUP). The email and a new password are asked for on a terminal. Elsewhere give
--email, and the password with --password-file or on stdin.

Who was invited joins with 'oneclaw org accept' or the page in the mail. Who was sent a
share opens its link, and needs no account.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			base, err := c.BaseURL()
			if err != nil {
				return err
			}
			if email == "" {
				if !c.Interactive() {
					return console.Usage("Give --email, and the password with --password-file or on stdin.")
				}
				if email, err = c.Prompt.Line(ctx, "Email for "+base); err != nil {
					return err
				}
			}
			password, err := c.newPassword(ctx, passwordFile)
			if err != nil {
				return err
			}
			defer password.Wipe()
			cl, err := c.Connect(base)
			if err != nil {
				return err
			}
			made, err := cl.Signup(ctx, strings.TrimSpace(email), password, name)
			if err != nil {
				return err
			}
			if made.AccessToken.Len() > 0 {
				c.End(ctx, cl.UsingToken(string(made.AccessToken.Reveal()))) // `oneclaw login` makes one that lasts
				return c.did(map[string]any{"email": email, "confirmed": true}, "The account was made. Run oneclaw login.")
			}
			return c.did(map[string]any{"email": email, "confirmed": false},
				"The account was made. A mail was sent to %s: follow its link, then run oneclaw login.", email)
		},
	}
	f := cmd.Flags()
	f.StringVar(&email, "email", "", "email of the account")
	f.StringVar(&passwordFile, "password-file", "", "file that holds the new password (- for stdin)")
	f.StringVar(&name, "name", "", "your name, for others of an organisation")
	return cmd
}
