package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) mfaStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether your logins need a second factor",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			on, err := cl.MFAEnabled(ctx)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]bool{"enabled": on})
			}
			state := "off"
			if on {
				state = "on"
			}
			return c.PrintFields(field{"Second factor", state})
		}),
	}
}

func (c *cli) mfaEnable() *cobra.Command {
	var p session.PersonFlags
	cmd := &cobra.Command{
		Use:   "enable",
		Short: "Turn the second factor on",
		Long: `Turn the second factor on. It shows the key for your authenticator, asks for a code of
it, and prints the recovery codes: keep them where the authenticator is not. All other
sessions end, also those that "oneclaw login" keeps elsewhere; API keys that last longer
than a day stay.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !c.Interactive() {
				return console.Usage("This shows a key and asks for its code: run it on a terminal.")
			}
			return c.AsPerson(cmd.Context(), &p, c.Renewed(cmd.Context(), func(cl *client.Client) error {
				setup, err := cl.SetUpMFA(cmd.Context())
				if err != nil {
					return err
				}
				// Not to stdout: that is for the recovery codes, which may go to a file.
				fmt.Fprintf(c.Stderr, "Add this key to your authenticator:\n\n  %s\n\nor open this there:\n\n  %s\n\n",
					console.Clean(string(setup.Secret.Reveal())), console.Clean(string(setup.OTPAuthURI.Reveal())))
				code, err := c.Prompt.Line(cmd.Context(), "Code that it shows")
				if err != nil {
					return err
				}
				codes, err := cl.ConfirmMFA(cmd.Context(), strings.TrimSpace(code))
				if err != nil {
					return err
				}
				c.Done("The second factor is on. These recovery codes work once each, and are shown this once:")
				if c.JSON {
					return c.PrintJSON(map[string]any{"recovery_codes": orEmpty(codes)})
				}
				for _, code := range codes {
					if _, err := fmt.Fprintln(c.Stdout, console.Clean(code)); err != nil {
						return err
					}
				}
				return nil
			}))
		},
	}
	p.Add(cmd)
	return cmd
}

func (c *cli) mfaDisable() *cobra.Command {
	var p session.PersonFlags
	var last string
	cmd := &cobra.Command{
		Use:   "disable",
		Short: "Turn the second factor off",
		Long: `Turn the second factor off. It takes your password and a code, or a recovery code, to
sign in, and another to turn it off: the next that your authenticator shows, or a
recovery code.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if last == "" && !c.Interactive() {
				return console.Usage("Give --last-code: the next code of the authenticator, or a recovery code. --code is for signing in.")
			}
			return c.AsPerson(ctx, &p, c.Renewed(ctx, func(cl *client.Client) error {
				if last == "" {
					var err error
					if last, err = c.Prompt.Line(ctx, "The next code that it shows, or a recovery code"); err != nil {
						return err
					}
				}
				if err := cl.DisableMFA(ctx, strings.TrimSpace(last)); err != nil {
					return err
				}
				return c.did(map[string]bool{"enabled": false}, "The second factor is off.")
			}))
		},
	}
	p.Add(cmd)
	cmd.Flags().StringVar(&last, "last-code", "", "code or recovery code that turns it off")
	return cmd
}
