package session

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Client returns a client with the credential to use.
func (c *Session) Client() (*client.Client, error) {
	base, credential, err := c.Reach()
	if err != nil {
		return nil, err
	}
	// An agent's key goes out as it is: one command is not worth an exchange, of
	// which a server allows few in a second.
	opts := []client.Option{client.WithToken(credential)}
	if s := c.storedAs(credential); s != nil {
		opts = append(opts, client.WithPerson(func(ctx context.Context) (*client.Client, func(), error) { return c.askPerson(ctx, s) }))
	}
	return c.Connect(base, opts...)
}

// storedAs is the stored login, if it is what commands use.
func (c *Session) storedAs(credential string) *Stored {
	if s, err := c.LoadStored(); err == nil && s != nil && s.Credential == credential {
		return s
	}
	return nil
}

// Outlasting is Client for what shall last until a time, or without end (nil). What
// is made with a stored login ends with it; where that is too early and its owner can
// be asked, or gave a password, the client is of a login that the owner makes for it,
// before anything is made. Call done at the end.
func (c *Session) Outlasting(ctx context.Context, until *time.Time) (cl *client.Client, done func(), err error) {
	if cl, err = c.Client(); err != nil {
		return nil, nil, err
	}
	_, credential, err := c.Reach()
	if err != nil {
		return nil, nil, err
	}
	s := c.storedAs(credential)
	asked := c.Interactive() || c.Person != nil && c.Person.given()
	if s == nil || !asked || s.ExpiresAt.IsZero() || until != nil && !until.After(s.ExpiresAt) {
		return cl, func() {}, nil
	}
	if c.Interactive() && (c.Person == nil || !c.Person.given()) {
		c.Warn("Your login ends at " + s.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC") + ", and what it makes ends with it. Sign in to make something that lasts longer.")
	}
	return c.askPerson(ctx, s)
}

// EndsEarly says that what was made ends before it was to (nil: never), with the credential
// that made it, and what its holder can do about that. first is what a longer life takes beside
// signing in; "": nothing.
func (c *Session) EndsEarly(what string, asked, end *time.Time, first string) {
	if end != nil && (asked == nil || end.Before(asked.Add(-time.Minute))) {
		maker, then := c.maker(first)
		// With --json, too: a program that asked for more is to find out.
		fmt.Fprintln(c.Stderr, c.WrapFor(c.Stderr, "oneclaw: The "+what+" ends with the "+maker+" that made it, "+end.UTC().Format("2006-01-02 15:04 UTC")+". "+then, ""))
	}
}

// maker is what a thing was made with, and how something is made that outlasts it.
func (c *Session) maker(first string) (name, then string) {
	_, credential, _ := c.Reach()
	switch {
	case c.storedAs(credential) != nil:
		return "login", "To have one that lasts longer, " + first + "sign in for it: give --password-file, or run this on a terminal without --json."
	case strings.HasPrefix(credential, "1ck_"):
		return "API key", "One that lasts longer is made with a key that does, or by a person who has logged in (" + console.Quote("oneclaw login") + ")."
	case c.Getenv("ONECLAW_TOKEN") == "": // an agent's key
		return "agent", "Who manages the agent can put off its end."
	}
	return "credential", "One that lasts longer is made with a credential that does."
}

// askPerson signs the owner of the stored login in for one call that the login may
// not make. The token is stored nowhere, and ended after the call.
func (c *Session) askPerson(ctx context.Context, s *Stored) (*client.Client, func(), error) {
	p := c.Person
	if p == nil && !c.Interactive() {
		return nil, nil, fault.New(fault.Denied, client.CodePersonRequired,
			"This takes a person who has just signed in, and nobody can be asked here. Run it on a terminal without --json, or set ONECLAW_TOKEN to the token of a new login.")
	}
	if p == nil {
		p = &PersonFlags{}
	}
	if c.Interactive() && !p.given() {
		c.Warn("Your password is needed for this.")
	}
	cl, err := c.SignIn(ctx, p)
	switch asked := c.Interactive() || p.given(); {
	case !asked && fault.CodeOf(err) == "usage": // nothing came on stdin
		err = fault.New(fault.Denied, client.CodePersonRequired,
			"This takes a person who has just signed in: give the password with --password-file or on stdin, or run it on a terminal without --json.")
	case fault.CodeOf(err) == console.CodeTaken:
		err = fault.New(fault.Denied, client.CodePersonRequired,
			"This takes a person who has just signed in, and stdin brought the other value already: give the password with --password-file FILE, or run this on a terminal without --json, which asks for both.")
	}
	if err != nil {
		return nil, nil, err
	}
	done := func() { c.End(ctx, cl) }
	me, err := cl.Me(ctx)
	if err == nil && (me.ID != s.UserID || s.OrgID != "" && me.OrgID != s.OrgID) {
		err = fault.New(fault.Denied, "other_organisation",
			"Your logins now lead to another organisation than the stored login: run `oneclaw login` and then this again.")
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return cl, done, nil
}
