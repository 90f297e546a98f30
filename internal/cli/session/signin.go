package session

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// PersonFlags are how a person signs in once more, for what a stored login may
// not do: it is an API key, which any program that runs as its owner can use.
type PersonFlags struct{ Email, PasswordFile, IDTokenFile, Code string }

// Add adds them to a command. One that has another --email takes the stored login's.
func (p *PersonFlags) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	if f.Lookup("email") == nil {
		f.StringVar(&p.Email, "email", "", "mail address of the account (default: that of the stored login)")
	}
	f.StringVar(&p.PasswordFile, "password-file", "", "file that holds the password (- for stdin)")
	f.StringVar(&p.IDTokenFile, "id-token-file", "", "file that holds an ID token of the server's identity provider (- for stdin)")
	f.StringVar(&p.Code, "code", "", "code of the second factor, where there is one")
}

// given reports whether a flag says how to sign in.
func (p *PersonFlags) given() bool { return p.PasswordFile != "" || p.IDTokenFile != "" }

// FromStdin reports whether signing in reads stdin where nobody can be asked.
func (p *PersonFlags) FromStdin() bool {
	return p.IDTokenFile == "-" || p.IDTokenFile == "" && (p.PasswordFile == "" || p.PasswordFile == "-")
}

// End ends the login of AsPerson.
func (c *Session) End(ctx context.Context, cl *client.Client) {
	if err := cl.Logout(context.WithoutCancel(ctx)); err != nil && !client.IsStatus(err, 401) { // 401: what it did ended it
		c.Warn("The login for this could not be ended; it ends by itself within minutes.")
	}
}

// emailAt is whose password it is: the flag's, or that of the stored login.
func (c *Session) emailAt(base string, p *PersonFlags) (string, error) {
	if p.Email != "" {
		return p.Email, nil
	}
	if s, err := c.LoadStored(); err == nil && s != nil && s.APIURL == base && s.Email != "" {
		return s.Email, nil
	}
	return "", console.Usage("Give --email.")
}

// SignIn returns a client with a login of its own, made with the password or
// with an ID token.
func (c *Session) SignIn(ctx context.Context, p *PersonFlags) (*client.Client, error) {
	base, err := c.BaseURL()
	if err != nil {
		return nil, err
	}
	if p.IDTokenFile != "" && (p.Email != "" || p.PasswordFile != "") {
		return nil, console.Usage("--id-token-file goes without --email and --password-file.")
	}
	cl, err := c.Connect(base)
	if err != nil {
		return nil, err
	}
	var l *client.Login
	if p.IDTokenFile != "" {
		l, err = c.proveByIDToken(ctx, cl, p.IDTokenFile)
	} else {
		l, err = c.proveByPassword(ctx, cl, base, p)
	}
	if err != nil {
		return nil, err
	}
	token, err := c.answered(ctx, cl, l, p.Code)
	if err != nil {
		return nil, err
	}
	return cl.UsingToken(string(token.AccessToken.Reveal())), nil
}

func (c *Session) proveByPassword(ctx context.Context, cl *client.Client, base string, p *PersonFlags) (*client.Login, error) {
	email, err := c.emailAt(base, p)
	if err != nil {
		return nil, err
	}
	password, err := c.ReadPassword(ctx, p.PasswordFile)
	if err != nil {
		return nil, err
	}
	return byPassword(ctx, cl, email, password)
}

func byPassword(ctx context.Context, cl *client.Client, email string, password client.Value) (*client.Login, error) {
	l, err := cl.Login(ctx, email, password)
	if client.IsStatus(err, 401) {
		return nil, fault.New(fault.Unauthenticated, "login_refused", "The email or the password is wrong.")
	}
	return l, err
}

// proveByIDToken takes who an identity provider vouches for.
func (c *Session) proveByIDToken(ctx context.Context, cl *client.Client, file string) (*client.Login, error) {
	idToken, err := c.ReadValue(ctx, file, "ID token", false)
	if err != nil {
		return nil, err
	}
	l, err := cl.LoginWithIDToken(ctx, client.ValueOf(strings.TrimSpace(string(idToken.Reveal()))), "")
	if client.IsStatus(err, 401) {
		return nil, fault.New(fault.Unauthenticated, "login_refused",
			"The ID token is not good at this server: it may be of another provider or client, over, or used already.")
	}
	return l, err
}

// answered is the token of a login, once the challenge of a second factor is
// answered, if there is one.
func (c *Session) answered(ctx context.Context, cl *client.Client, l *client.Login, code string) (*client.Token, error) {
	token := &l.Token
	if l.MFARequired {
		var err error
		if token, err = c.secondFactor(ctx, cl, l.MFAToken, code); err != nil {
			return nil, err
		}
	}
	if token.AccessToken.Len() == 0 {
		return nil, fault.New(fault.Internal, "bad_reply", "The server accepted the login but gave no token.")
	}
	return token, nil
}

func (c *Session) secondFactor(ctx context.Context, cl *client.Client, mfaToken client.Value, code string) (*client.Token, error) {
	if code == "" {
		if !c.Interactive() {
			return nil, console.Usage("This account has a second factor: give its code with --code.")
		}
		var err error
		if code, err = c.Prompt.Line(ctx, "Code of the second factor, or a recovery code"); err != nil {
			return nil, err
		}
	}
	return cl.VerifyMFA(ctx, mfaToken, strings.TrimSpace(code))
}
