package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) loginCommand() *cobra.Command {
	var email, passwordFile, idTokenFile, code string
	var dev, device bool
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in as a person: with email and password, a browser, or an identity provider",
		Long: `Log in as a human. The email and the password are asked for on a terminal. Elsewhere
give --email, and the password with --password-file or on stdin; or an ID token of the
server's identity provider with --id-token-file.

The login lasts a day: it is an API key of your account, kept in
$XDG_CONFIG_HOME/oneclaw/credentials.json (or ~/.config/...) with access for you
alone, and revoked by ` + "`oneclaw logout`" + `. Agents and programs do not log in:
they set ONECLAW_AGENT_API_KEY, ONECLAW_API_KEY or ONECLAW_TOKEN.`,
		Example: `  oneclaw login
  oneclaw login --dev
  oneclaw login --device
  oneclaw login --api-url https://vault.example.com --email me@example.com --password-file pw`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if dev && (email != "" || passwordFile != "") {
				return console.Usage("--dev brings its own email and password; leave out --email and --password-file.")
			}
			if device {
				if dev || email != "" || passwordFile != "" || code != "" || idTokenFile != "" {
					return console.Usage("--device asks for nothing here; leave out the other flags of login.")
				}
				return c.loginByDevice(ctx)
			}
			if idTokenFile != "" {
				if dev || email != "" || passwordFile != "" {
					return console.Usage("--id-token-file goes without --dev, --email and --password-file.")
				}
				return c.LogInWithIDToken(ctx, idTokenFile, code)
			}
			base, mail, password, err := c.loginInput(ctx, dev, email, passwordFile)
			if err != nil {
				return err
			}
			return c.LogIn(ctx, base, mail, password, code)
		},
	}
	f := cmd.Flags()
	f.StringVar(&email, "email", "", "email of the account")
	f.StringVar(&passwordFile, "password-file", "", "file that holds the password (- for stdin)")
	f.StringVar(&idTokenFile, "id-token-file", "", "file that holds an ID token of the server's identity provider (- for stdin)")
	f.StringVar(&code, "code", "", "code of the second factor, where there is one")
	f.BoolVar(&device, "device", false, "show a code to approve in a browser, here or elsewhere")
	f.BoolVar(&dev, "dev", false, "log in to the oneclaw dev of this machine as its owner")
	return cmd
}

// loginInput collects the server, the email and the password.
func (c *cli) loginInput(ctx context.Context, dev bool, email, passwordFile string) (base, mail string, pw client.Value, err error) {
	if dev {
		d, err := c.LoadDev()
		if err != nil {
			return "", "", pw, err
		}
		if d == nil {
			return "", "", pw, fault.New(fault.NotFound, "no_dev_server",
				"No `oneclaw dev` has run here: "+c.DevFile()+" is missing. Start one, or set ONECLAW_DATA to its data directory.")
		}
		if c.APIURL != "" && session.TrimURL(c.APIURL) != d.APIURL {
			return "", "", pw, console.Usage("--dev logs in to " + d.APIURL + "; leave out --api-url.")
		}
		return d.APIURL, d.Email, client.ValueOf(d.Password), nil
	}
	if base, err = c.BaseURL(); err != nil {
		return "", "", pw, err
	}
	if email == "" && !c.Interactive() {
		return "", "", pw, console.Usage("Give --email, and the password with --password-file or on stdin.")
	}
	if err := c.answers(ctx, base); err != nil { // nobody types a password for a server that is not there
		return "", "", pw, err
	}
	if email == "" {
		if email, err = c.Prompt.Line(ctx, "Email for "+base); err != nil {
			return "", "", pw, err
		}
	}
	pw, err = c.ReadPassword(ctx, passwordFile)
	return base, strings.TrimSpace(email), pw, err
}

// answers returns why the server at base does not answer at all; one that is not well does.
func (c *cli) answers(ctx context.Context, base string) error {
	cl, err := c.Connect(base)
	if err != nil {
		return err
	}
	_, err = cl.Health(ctx)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Code == client.CodeUnreachable {
		return err
	}
	return nil
}

func (c *cli) logoutCommand() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the login, here and at the server",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if everywhere {
				cl, err := c.Client()
				if err == nil {
					err = cl.EndSessions(cmd.Context(), false)
				}
				if err != nil {
					return err
				}
			}
			s, err := c.LoadStored()
			if err == nil && s != nil {
				err = c.Revoke(cmd.Context(), s)
			} else {
				err = nil // nothing that could be revoked; the file goes all the same
			}
			if ferr := c.Forget(); ferr != nil {
				return ferr
			}
			if err != nil {
				c.Warn("The login was removed here, but the server could not be told: it ends " +
					s.ExpiresAt.UTC().Format(time.RFC3339) + ". Cause: " + err.Error())
			}
			return c.did(map[string]any{"logged_out": true, "revoked": err == nil && s != nil}, "Logged out.")
		},
	}
	cmd.Flags().BoolVar(&everywhere, "everywhere", false, "end all your logins and devices, too; it asks for your password")
	return c.mayAsk(cmd)
}
