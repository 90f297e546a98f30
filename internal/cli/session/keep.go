package session

import (
	"context"
	"os"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// loginLife is how long a login lasts. The server's own tokens end after minutes,
// so a login stores an API key of this life instead.
const loginLife = 24 * time.Hour

// LogIn logs in with a password, and keeps the login.
func (c *Session) LogIn(ctx context.Context, base, email string, password client.Value, code string) error {
	cl, err := c.Connect(base)
	if err != nil {
		return err
	}
	l, err := byPassword(ctx, cl, email, password)
	if err != nil {
		return err
	}
	return c.completeLogin(ctx, cl, base, l, code)
}

// LogInWithIDToken logs in who an identity provider vouches for, and keeps the login.
func (c *Session) LogInWithIDToken(ctx context.Context, file, code string) error {
	base, err := c.BaseURL()
	if err != nil {
		return err
	}
	cl, err := c.Connect(base)
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
func (c *Session) completeLogin(ctx context.Context, cl *client.Client, base string, l *client.Login, code string) error {
	token, err := c.answered(ctx, cl, l, code)
	if err != nil {
		return err
	}
	return c.Keep(ctx, cl.UsingToken(string(token.AccessToken.Reveal())), base, *token)
}

// Keep stores a day's API key in place of the short token. Where the server
// does not give one, the token itself is kept for its own life.
func (c *Session) Keep(ctx context.Context, cl *client.Client, base string, token client.Token) error {
	me, err := cl.Me(ctx)
	if err != nil {
		return err
	}
	old, _ := c.LoadStored() // a broken file is simply replaced
	s := Stored{APIURL: base, Email: me.Email, UserID: me.ID, OrgID: me.OrgID}
	s.keepVault(old)
	if err := c.takeKey(ctx, cl, &s); err != nil {
		s.Credential = string(token.AccessToken.Reveal())
		s.ExpiresAt = c.Now().Add(time.Duration(token.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	}
	if err := c.saveLogin(ctx, cl, s); err != nil {
		return err
	}
	if s.KeyID != "" {
		c.End(ctx, cl) // the key stands for it now
	}
	if old != nil && old.APIURL == base && old.KeyID != "" {
		_ = c.Revoke(ctx, old) // with itself: it may be of another organisation. It ends within a day in any case
	}
	return c.loggedIn(s)
}

// takeKey gives a stored login a new key.
func (c *Session) takeKey(ctx context.Context, cl *client.Client, s *Stored) error {
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
func (c *Session) saveLogin(ctx context.Context, cl *client.Client, s Stored) error {
	err := c.save(s)
	if err != nil && s.KeyID != "" {
		_ = cl.DeleteAPIKey(ctx, s.KeyID) // nobody holds it
	}
	return err
}

// loggedIn says so.
func (c *Session) loggedIn(s Stored) error {
	for _, name := range CredentialVars {
		if c.Getenv(name) != "" {
			c.Warn(name + " is set and is used before this login.")
		}
	}
	if c.JSON {
		return c.PrintJSON(map[string]any{"api_url": s.APIURL, "email": s.Email, "user_id": s.UserID, "org_id": s.OrgID, "expires_at": s.ExpiresAt})
	}
	c.Done("Logged in to %s as %s until %s.", s.APIURL, s.Email, s.ExpiresAt.Format("2006-01-02 15:04 UTC"))
	return nil
}

func keyName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "oneclaw login"
	}
	return "oneclaw login on " + host
}

// Revoke ends the credential at the server. One that the server does not take any
// more has ended already.
func (c *Session) Revoke(ctx context.Context, s *Stored) error {
	cl, err := c.Connect(s.APIURL, client.WithToken(s.Credential))
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

// KeepDevice stores the token. It lives for a day, and ends with the
// password of whom it was approved by, so no key is made of it.
func (c *Session) KeepDevice(base string, t *client.DeviceToken) error {
	s := Stored{
		APIURL: base, Email: t.Email, UserID: t.UserID, OrgID: t.OrgID, Credential: string(t.AccessToken.Reveal()),
		ExpiresAt: c.Now().Add(time.Duration(t.ExpiresIn) * time.Second).UTC().Truncate(time.Second),
	}
	if old, err := c.LoadStored(); err == nil {
		s.keepVault(old)
	}
	if err := c.save(s); err != nil {
		return err
	}
	return c.loggedIn(s)
}

// keepVault goes on with the vault of an earlier login to the same organisation.
func (s *Stored) keepVault(old *Stored) {
	if old != nil && old.APIURL == s.APIURL && old.OrgID == s.OrgID {
		s.VaultID, s.VaultName = old.VaultID, old.VaultName
	}
}
