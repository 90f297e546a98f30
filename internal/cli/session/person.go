package session

import (
	"context"
	"errors"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// AsPerson signs in, does something, and ends that login again.
func (c *Session) AsPerson(ctx context.Context, p *PersonFlags, do func(*client.Client) error) error {
	cl, err := c.SignIn(ctx, p)
	if err != nil {
		return err
	}
	err = do(cl)
	c.End(ctx, cl)
	return err
}

// LookThenAsPerson is AsPerson for what is to be seen first. look gets the stored login where
// that is of the same account, so that arguments are checked before the password is asked
// for; without one it gets the new login.
func (c *Session) LookThenAsPerson(ctx context.Context, p *PersonFlags, look, do func(*client.Client) error) error {
	base, err := c.BaseURL()
	if err != nil {
		return err
	}
	looked := false
	s, err := c.LoadStored()
	if err == nil && s != nil && s.APIURL == base && p.IDTokenFile == "" && (p.Email == "" || strings.EqualFold(p.Email, s.Email)) {
		cl, err := c.Connect(base, client.WithToken(s.Credential))
		if err != nil {
			return err
		}
		if err = look(cl); err != nil && !client.IsStatus(err, 401) { // 401: it has ended, and the new login looks
			return err
		}
		looked = err == nil
	}
	return c.AsPerson(ctx, p, func(cl *client.Client) error {
		if !looked {
			if err := look(cl); err != nil {
				return err
			}
		}
		return do(cl)
	})
}

// OrAsPerson does something with the stored login, and signs in for it only where the
// server says that it takes a person.
func (c *Session) OrAsPerson(ctx context.Context, p *PersonFlags, do func(*client.Client) error) error {
	c.Person = p
	cl, err := c.Client()
	if err != nil {
		return err
	}
	err = do(cl)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "person_required" {
		return c.AsPerson(ctx, p, do)
	}
	return err
}

// Renewed is AsPerson's do where that ends all other logins: the stored one is made anew
// with the login that did it, which has just been shown to be its owner's.
func (c *Session) Renewed(ctx context.Context, do func(*client.Client) error) func(*client.Client) error {
	return func(cl *client.Client) error {
		if err := do(cl); err != nil {
			return err
		}
		s, err := c.LoadStored()
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
			c.Warn("The stored login has ended too: run `oneclaw login`.")
			return c.Forget()
		}
		return nil
	}
}
