package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// personFlags are how a person signs in once more, for what a stored login may
// not do: it is an API key, which any program that runs as its owner can use.
type personFlags struct{ email, passwordFile, idTokenFile, code string }

func (p *personFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.email, "email", "", "email of the account; else that of the stored login")
	f.StringVar(&p.passwordFile, "password-file", "", "file that holds the password (- for stdin)")
	f.StringVar(&p.idTokenFile, "id-token-file", "", "file that holds an ID token of the server's identity provider (- for stdin)")
	f.StringVar(&p.code, "code", "", "code of the second factor, where there is one")
}

// fromStdin reports whether signing in reads stdin where nobody can be asked.
func (p *personFlags) fromStdin() bool {
	return p.idTokenFile == "-" || p.idTokenFile == "" && (p.passwordFile == "" || p.passwordFile == "-")
}

// asPerson signs in, does something, and ends that login again.
func (c *cli) asPerson(ctx context.Context, p *personFlags, do func(*client.Client) error) error {
	cl, err := c.signIn(ctx, p)
	if err != nil {
		return err
	}
	err = do(cl)
	c.end(ctx, cl)
	return err
}

// orAsPerson does something with the stored login, and signs in for it only where the
// server says that it takes a person.
func (c *cli) orAsPerson(ctx context.Context, p *personFlags, do func(*client.Client) error) error {
	cl, err := c.session()
	if err != nil {
		return err
	}
	err = do(cl)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "person_required" {
		return c.asPerson(ctx, p, do)
	}
	return err
}

// renewed is asPerson's do where that ends all other logins: the stored one is made anew
// with the login that did it, which has just been shown to be its owner's.
func (c *cli) renewed(ctx context.Context, do func(*client.Client) error) func(*client.Client) error {
	return func(cl *client.Client) error {
		if err := do(cl); err != nil {
			return err
		}
		s, err := c.loadStored()
		if err != nil || s == nil || s.KeyID == "" {
			return nil //nolint:nilerr // there is no stored login to renew
		}
		if me, err := cl.Me(ctx); err != nil || me.ID != s.UserID || me.OrgID != s.OrgID {
			return nil //nolint:nilerr // it is another's
		}
		if err = c.takeKey(ctx, cl, s); err == nil {
			err = c.saveLogin(ctx, cl, *s)
		}
		if err != nil {
			c.warn("The stored login has ended too: run `oneclaw login`.")
			return c.forget()
		}
		return nil
	}
}

// end ends the login of asPerson.
func (c *cli) end(ctx context.Context, cl *client.Client) {
	if err := cl.Logout(context.WithoutCancel(ctx)); err != nil && !client.IsStatus(err, 401) { // 401: what it did ended it
		c.warn("The login for this could not be ended; it ends by itself within minutes.")
	}
}

// emailAt is whose password it is: the flag's, or that of the stored login.
func (c *cli) emailAt(base string, p *personFlags) (string, error) {
	if p.email != "" {
		return p.email, nil
	}
	if s, err := c.loadStored(); err == nil && s != nil && s.APIURL == base && s.Email != "" {
		return s.Email, nil
	}
	return "", usage("Give --email.")
}

// signIn returns a client with a login of its own, made with the password or
// with an ID token.
func (c *cli) signIn(ctx context.Context, p *personFlags) (*client.Client, error) {
	base, err := c.baseURL()
	if err != nil {
		return nil, err
	}
	if p.idTokenFile != "" && (p.email != "" || p.passwordFile != "") {
		return nil, usage("--id-token-file goes without --email and --password-file.")
	}
	cl, err := c.connect(base)
	if err != nil {
		return nil, err
	}
	var l *client.Login
	if p.idTokenFile != "" {
		l, err = c.proveByIDToken(ctx, cl, p.idTokenFile)
	} else {
		l, err = c.proveByPassword(ctx, cl, base, p)
	}
	if err != nil {
		return nil, err
	}
	token, err := c.answered(ctx, cl, l, p.code)
	if err != nil {
		return nil, err
	}
	return cl.UsingToken(string(token.AccessToken.Reveal())), nil
}

func (c *cli) proveByPassword(ctx context.Context, cl *client.Client, base string, p *personFlags) (*client.Login, error) {
	email, err := c.emailAt(base, p)
	if err != nil {
		return nil, err
	}
	password, err := c.readPassword(ctx, p.passwordFile)
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
func (c *cli) proveByIDToken(ctx context.Context, cl *client.Client, file string) (*client.Login, error) {
	idToken, err := c.readValue(ctx, file, "ID token", false)
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
func (c *cli) answered(ctx context.Context, cl *client.Client, l *client.Login, code string) (*client.Token, error) {
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

func (c *cli) secondFactor(ctx context.Context, cl *client.Client, mfaToken client.Value, code string) (*client.Token, error) {
	if code == "" {
		if !c.interactive() {
			return nil, usage("This account has a second factor: give its code with --code.")
		}
		var err error
		if code, err = c.Prompt.Line(ctx, "Code of the second factor, or a recovery code"); err != nil {
			return nil, err
		}
	}
	return cl.VerifyMFA(ctx, mfaToken, strings.TrimSpace(code))
}
