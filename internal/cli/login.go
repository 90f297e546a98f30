package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// loginLife is how long a login lasts. The server's own tokens end after minutes,
// so a login stores an API key of this life instead.
const loginLife = 24 * time.Hour

func (c *cli) loginCommand() *cobra.Command {
	var email, passwordFile, idTokenFile, code string
	var dev, device bool
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in as a human with email and password",
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
				return usage("--dev brings its own email and password; leave out --email and --password-file.")
			}
			if device {
				if dev || email != "" || passwordFile != "" || code != "" || idTokenFile != "" {
					return usage("--device asks for nothing here; leave out the other flags of login.")
				}
				return c.loginByDevice(ctx)
			}
			if idTokenFile != "" {
				if dev || email != "" || passwordFile != "" {
					return usage("--id-token-file goes without --dev, --email and --password-file.")
				}
				return c.loginWithIDToken(ctx, idTokenFile, code)
			}
			base, mail, password, err := c.loginInput(ctx, dev, email, passwordFile)
			if err != nil {
				return err
			}
			return c.login(ctx, base, mail, password, code)
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
		d, err := c.loadDev()
		if err != nil {
			return "", "", pw, err
		}
		if d == nil {
			return "", "", pw, fault.New(fault.NotFound, "no_dev_server",
				"No `oneclaw dev` has run here: "+c.devFile()+" is missing. Start one, or set ONECLAW_DATA to its data directory.")
		}
		if c.apiURL != "" && trimURL(c.apiURL) != d.APIURL {
			return "", "", pw, usage("--dev logs in to " + d.APIURL + "; leave out --api-url.")
		}
		return d.APIURL, d.Email, client.ValueOf(d.Password), nil
	}
	if base, err = c.baseURL(); err != nil {
		return "", "", pw, err
	}
	if email == "" {
		if !c.interactive() {
			return "", "", pw, usage("Give --email, and the password with --password-file or on stdin.")
		}
		if email, err = c.Prompt.Line(ctx, "Email for "+base); err != nil {
			return "", "", pw, err
		}
	}
	pw, err = c.readPassword(ctx, passwordFile)
	return base, strings.TrimSpace(email), pw, err
}

func (c *cli) login(ctx context.Context, base, email string, password client.Value, code string) error {
	cl, err := c.connect(base)
	if err != nil {
		return err
	}
	l, err := byPassword(ctx, cl, email, password)
	if err != nil {
		return err
	}
	return c.completeLogin(ctx, cl, base, l, code)
}

// loginWithIDToken logs in who an identity provider vouches for.
func (c *cli) loginWithIDToken(ctx context.Context, file, code string) error {
	base, err := c.baseURL()
	if err != nil {
		return err
	}
	cl, err := c.connect(base)
	if err != nil {
		return err
	}
	l, err := c.proveByIDToken(ctx, cl, file)
	if err != nil {
		return err
	}
	return c.completeLogin(ctx, cl, base, l, code)
}

// completeLogin keeps a login whose second factor, if there is one, is given.
func (c *cli) completeLogin(ctx context.Context, cl *client.Client, base string, l *client.Login, code string) error {
	token, err := c.answered(ctx, cl, l, code)
	if err != nil {
		return err
	}
	return c.keepLogin(ctx, cl.UsingToken(string(token.AccessToken.Reveal())), base, *token)
}

// keepLogin stores a day's API key in place of the short token. Where the server
// does not give one, the token itself is kept for its own life.
func (c *cli) keepLogin(ctx context.Context, cl *client.Client, base string, token client.Token) error {
	me, err := cl.Me(ctx)
	if err != nil {
		return err
	}
	old, _ := c.loadStored() // a broken file is simply replaced
	s := stored{APIURL: base, Email: me.Email, UserID: me.ID, OrgID: me.OrgID}
	if err := c.takeKey(ctx, cl, &s); err != nil {
		s.Credential = string(token.AccessToken.Reveal())
		s.ExpiresAt = c.Now().Add(time.Duration(token.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	}
	if err := c.saveLogin(ctx, cl, s); err != nil {
		return err
	}
	if s.KeyID != "" {
		c.end(ctx, cl) // the key stands for it now
	}
	if old != nil && old.APIURL == base && old.KeyID != "" {
		_ = c.revoke(ctx, old) // with itself: it may be of another organisation. It ends within a day in any case
	}
	return c.loggedIn(s)
}

// takeKey gives a stored login a new key.
func (c *cli) takeKey(ctx context.Context, cl *client.Client, s *stored) error {
	ends := c.Now().Add(loginLife).UTC().Truncate(time.Second)
	key, err := cl.CreateAPIKey(ctx, keyName(), nil, &ends)
	if err == nil && key.Secret.Len() == 0 {
		err = fault.New(fault.Internal, "bad_reply", "The server made a key and did not show it.")
	}
	if err == nil {
		s.Credential, s.KeyID, s.ExpiresAt = string(key.Secret.Reveal()), key.Key.ID, ends
	}
	return err
}

// saveLogin saves a login whose key, if it has one, was made with the client.
func (c *cli) saveLogin(ctx context.Context, cl *client.Client, s stored) error {
	err := c.save(s)
	if err != nil && s.KeyID != "" {
		_ = cl.DeleteAPIKey(ctx, s.KeyID) // nobody holds it
	}
	return err
}

// loggedIn says so.
func (c *cli) loggedIn(s stored) error {
	for _, name := range credentialVars {
		if c.Getenv(name) != "" {
			c.warn(name + " is set and is used before this login.")
		}
	}
	if c.jsonOut {
		return c.printJSON(map[string]any{"api_url": s.APIURL, "email": s.Email, "user_id": s.UserID, "org_id": s.OrgID, "expires_at": s.ExpiresAt})
	}
	c.done("Logged in to %s as %s until %s.", s.APIURL, s.Email, s.ExpiresAt.Format("2006-01-02 15:04 UTC"))
	return nil
}

func keyName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "oneclaw login"
	}
	return "oneclaw login on " + host
}

func (c *cli) logoutCommand() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the login, here and at the server",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if everywhere {
				cl, err := c.session()
				if err == nil {
					err = cl.EndSessions(cmd.Context(), false)
				}
				if err != nil {
					return err
				}
			}
			s, err := c.loadStored()
			if err == nil && s != nil {
				err = c.revoke(cmd.Context(), s)
			} else {
				err = nil // nothing that could be revoked; the file goes all the same
			}
			if ferr := c.forget(); ferr != nil {
				return ferr
			}
			if err != nil {
				c.warn("The login was removed here, but the server could not be told: it ends " +
					s.ExpiresAt.UTC().Format(time.RFC3339) + ". Cause: " + err.Error())
			}
			if c.jsonOut {
				return c.printJSON(map[string]any{"logged_out": true, "revoked": err == nil && s != nil})
			}
			c.done("Logged out.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&everywhere, "everywhere", false, "end all your logins and devices, too; it asks for your password")
	return cmd
}

// revoke ends the credential at the server. One that the server does not take any
// more has ended already.
func (c *cli) revoke(ctx context.Context, s *stored) error {
	cl, err := c.connect(s.APIURL, client.WithToken(s.Credential))
	if err != nil {
		return err
	}
	if s.KeyID != "" {
		err = cl.DeleteAPIKeyAlone(ctx, s.KeyID) // what was made meanwhile goes on
	} else {
		err = cl.Logout(ctx)
	}
	if client.IsStatus(err, 401) || client.IsStatus(err, 404) {
		return nil
	}
	return err
}
