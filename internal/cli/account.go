package cli

import (
	"bytes"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) passwordChange() *cobra.Command {
	var current, next string
	cmd := &cobra.Command{
		Use:   "change",
		Short: "Set a new password; your other logins end, API keys that last longer than a day stay",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cl, err := c.Client()
			if err != nil {
				return err
			}
			if !c.Interactive() && (current == "" || current == "-") && (next == "" || next == "-") {
				return console.Usage("Only one of the passwords can come from stdin: give the other with --password-file or --new-password-file.")
			}
			was, err := c.ReadPassword(ctx, current)
			if err != nil {
				return err
			}
			will, err := c.newPassword(ctx, next)
			if err != nil {
				return err
			}
			if err := cl.ChangePassword(ctx, was, will); err != nil {
				return err
			}
			return c.did(map[string]bool{"password_changed": true}, "The password was changed, and your other logins have ended. What they made stays: see oneclaw sessions list --ended.")
		},
	}
	cmd.Flags().StringVar(&current, "password-file", "", "file that holds the current password (- for stdin)")
	cmd.Flags().StringVar(&next, "new-password-file", "", "file that holds the new password (- for stdin)")
	return cmd
}

// newPassword asks twice on a terminal.
func (c *cli) newPassword(ctx context.Context, file string) (client.Value, error) {
	if file != "" || !c.Interactive() {
		return c.ReadPassword(ctx, file)
	}
	return c.askTwice(ctx, "New password", "The password is empty; nothing was changed.")
}

// askTwice asks for what nobody could correct if it were typed wrong.
func (c *cli) askTwice(ctx context.Context, title, empty string) (client.Value, error) {
	one, err := c.Prompt.Hidden(ctx, title)
	if err != nil {
		return client.Value{}, err
	}
	two, err := c.Prompt.Hidden(ctx, "The same again")
	if err != nil {
		return client.Value{}, err
	}
	if !bytes.Equal(one.Reveal(), two.Reveal()) {
		return client.Value{}, console.Usage("The two are not the same; nothing was done.")
	}
	if one.Len() == 0 {
		return client.Value{}, console.Usage(empty)
	}
	return client.NewValue(one.Reveal()), nil
}

func (c *cli) passwordForgot() *cobra.Command {
	var email string
	cmd := &cobra.Command{
		Use:   "forgot",
		Short: "Have a mail sent to you with which you can set a new password",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := c.BaseURL()
			if err != nil {
				return err
			}
			if s, err := c.LoadStored(); email == "" && err == nil && s != nil && s.APIURL == base {
				email = s.Email
			}
			if email == "" {
				if !c.Interactive() {
					return console.Usage("Give --email.")
				}
				if email, err = c.Prompt.Line(cmd.Context(), "Email for "+base); err != nil {
					return err
				}
			}
			cl, err := c.Connect(base)
			if err != nil {
				return err
			}
			message, err := cl.ForgotPassword(cmd.Context(), strings.TrimSpace(email))
			if err != nil {
				return err
			}
			return c.did(map[string]string{"message": message}, "%s Follow its link, or give its token to `oneclaw password reset`.", message)
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "mail address of the account (default: that of the stored login)")
	return cmd
}

func (c *cli) passwordReset() *cobra.Command {
	var tokenFile, next string
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Set a new password with the token from the mail; all sessions end, and API keys too if the address was never confirmed",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			base, err := c.BaseURL()
			if err != nil {
				return err
			}
			if !c.Interactive() && (tokenFile == "" || tokenFile == "-") && (next == "" || next == "-") {
				return console.Usage("Only one of them can come from stdin: give the other with --token-file or --new-password-file.")
			}
			token, err := c.ReadValue(ctx, tokenFile, "Token from the mail", false)
			if err != nil {
				return err
			}
			will, err := c.newPassword(ctx, next)
			if err != nil {
				return err
			}
			cl, err := c.Connect(base)
			if err != nil {
				return err
			}
			if err := cl.ResetPassword(ctx, client.ValueOf(strings.TrimSpace(string(token.Reveal()))), will); err != nil {
				return err
			}
			return c.did(map[string]bool{"password_changed": true}, "The password was changed. Log in with it.")
		},
	}
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "file that holds the token (- for stdin)")
	cmd.Flags().StringVar(&next, "new-password-file", "", "file that holds the new password (- for stdin)")
	return cmd
}

// farewell is what the server wants to hear.
const farewell = "DELETE MY ACCOUNT"

func (c *cli) accountDelete() *cobra.Command {
	var p session.PersonFlags
	var confirmation string
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete your account, and the organisations where you are the only member, with all their secrets",
		Long: `Delete your account for good. Organisations that you are the only member of go with it:
their vaults' keys are destroyed, so that no copy of a secret opens any more. In other
organisations your membership ends and your agents stop.

It asks for the words ` + farewell + `, and for your password; in a pipe give
--confirm "` + farewell + `".`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			base, err := c.BaseURL()
			if err != nil {
				return err
			}
			if confirmation == "" && c.Interactive() {
				if confirmation, err = c.Prompt.Line(ctx, "This can't be undone. Type "+farewell); err != nil {
					return err
				}
			}
			if confirmation != farewell {
				return console.Usage("Nothing was deleted. It takes the words " + farewell + ", exactly so.")
			}
			cl, err := c.SignIn(ctx, &p)
			if err != nil {
				return err
			}
			if err := cl.DeleteAccount(ctx, confirmation); err != nil {
				c.End(ctx, cl)
				return err
			}
			if s, err := c.LoadStored(); err == nil && s != nil && s.APIURL == base && (p.Email == "" || strings.EqualFold(s.Email, p.Email)) {
				if err := c.Forget(); err != nil {
					return err
				}
			}
			return c.did(map[string]bool{"deleted": true}, "Your account was deleted.")
		},
	}
	p.Add(cmd)
	cmd.Flags().StringVar(&confirmation, "confirm", "", "the words "+farewell)
	return cmd
}
