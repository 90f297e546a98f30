// Package session is who a command is at a server: the address of the server, the
// credential to use there, the login that is stored on this machine, and how a person
// signs in.
//
// Its promise: a stored login is sent only to the server that gave it, and no credential
// is printed.
package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Session is how commands reach a server.
type Session struct {
	*console.Console
	Now        func() time.Time
	HTTPClient *http.Client // nil for the client's own
	Version    string       // of this program
	APIURL     string       // of the flag
}

// CredentialVars hold a credential; the first that is set is used.
var CredentialVars = [...]string{"ONECLAW_TOKEN", "ONECLAW_API_KEY", "ONECLAW_AGENT_API_KEY"}

// BaseURL is the address of the server: of the flag, the environment, the stored
// login, or a `oneclaw dev` on this machine, in this order.
func (c *Session) BaseURL() (string, error) {
	for _, s := range []string{c.APIURL, c.Getenv("ONECLAW_BASE_URL"), c.Getenv("ONECLAW_API_URL")} {
		if s == "" {
			continue
		}
		if u, err := url.Parse(s); err == nil && u.User != nil { // messages name the address
			return "", console.Usage("The address of a server holds no name and no password: log in with `oneclaw login`, or set ONECLAW_TOKEN.")
		}
		return TrimURL(s), nil
	}
	s, err := c.LoadStored()
	if err != nil {
		return "", err
	}
	if s != nil {
		return s.APIURL, nil
	}
	d, err := c.LoadDev()
	if err != nil {
		return "", err
	}
	if d != nil {
		return d.APIURL, nil
	}
	return "", fault.New(fault.Invalid, "no_server",
		"No server is known. Set ONECLAW_BASE_URL, give --api-url, or start one here with `oneclaw dev`.")
}

// TrimURL cuts what the address of a server may end in: the paths begin with /v1.
func TrimURL(s string) string {
	return strings.TrimSuffix(strings.TrimRight(s, "/"), "/v1")
}

// Connect returns a client without credential.
func (c *Session) Connect(base string, opts ...client.Option) (*client.Client, error) {
	opts = append(opts, client.WithUserAgent(strings.TrimSuffix("oneclaw-cli/"+c.Version, "/")))
	if c.HTTPClient != nil {
		opts = append(opts, client.WithHTTPClient(c.HTTPClient))
	}
	cl, err := client.New(base, opts...)
	if errors.Is(err, client.ErrPlainHTTP) {
		return nil, console.Usage("Plain http:// is for servers on this machine, since others on the network could read along. Use https://, " +
			"or a tunnel: " + console.Quote("ssh -L 8210:127.0.0.1:8210 HOST") + ", and then --api-url http://127.0.0.1:8210.")
	}
	if err != nil {
		return nil, console.Usage(console.Capital(console.Sentence(strings.TrimPrefix(err.Error(), "client: "))))
	}
	return cl, nil
}

// Stranger returns a client without a credential.
func (c *Session) Stranger() (*client.Client, error) {
	base, err := c.BaseURL()
	if err != nil {
		return nil, err
	}
	return c.Connect(base)
}

// Reach returns the address of the server, and the credential to use there.
func (c *Session) Reach() (base, credential string, err error) {
	if base, err = c.BaseURL(); err == nil {
		credential, err = c.credential(base)
	}
	return base, credential, err
}

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
// be asked, the client is of a login that the owner makes for it, before anything is
// made. Call done at the end.
func (c *Session) Outlasting(ctx context.Context, until *time.Time) (cl *client.Client, done func(), err error) {
	if cl, err = c.Client(); err != nil {
		return nil, nil, err
	}
	_, credential, err := c.Reach()
	if err != nil {
		return nil, nil, err
	}
	s := c.storedAs(credential)
	if s == nil || !c.Interactive() || s.ExpiresAt.IsZero() || until != nil && !until.After(s.ExpiresAt) {
		return cl, func() {}, nil
	}
	return c.askPerson(ctx, s)
}

// EndsEarly says that what was made ends before it was to (nil: never), with the login
// that made it.
func (c *Session) EndsEarly(what string, asked, end *time.Time) {
	if end != nil && (asked == nil || end.Before(asked.Add(-time.Minute))) {
		// With --json, too: a program that asked for more is to find out.
		fmt.Fprintln(c.Stderr, "oneclaw: The "+what+" ends with the login that made it, "+end.UTC().Format("2006-01-02 15:04 UTC")+
			". To have one that lasts, sign in for it: run this on a terminal, or with ONECLAW_TOKEN set to the token of a new login.")
	}
}

// askPerson signs the owner of the stored login in for one call that the login may
// not make. The token is stored nowhere, and ended after the call.
func (c *Session) askPerson(ctx context.Context, s *Stored) (*client.Client, func(), error) {
	if !c.Interactive() {
		return nil, nil, fault.New(fault.Denied, client.CodePersonRequired,
			"This takes a person who has just signed in, and nobody can be asked here. Run it on a terminal without --json, or set ONECLAW_TOKEN to the token of a new login.")
	}
	c.Warn("This takes you, not a stored login: sign in for it.")
	cl, err := c.SignIn(ctx, &PersonFlags{})
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

// credential is what to call the server at base with.
func (c *Session) credential(base string) (string, error) {
	for _, name := range CredentialVars {
		if v := strings.TrimSpace(c.Getenv(name)); v != "" {
			return v, nil
		}
	}
	s, err := c.LoadStored()
	if err != nil {
		return "", err
	}
	switch {
	case s == nil:
		return "", unauthenticated("Not logged in.", "oneclaw login"+c.devFlag(base))
	case s.APIURL != base:
		return "", unauthenticated("The stored login belongs to another server.", "oneclaw login --api-url "+base)
	case !s.ExpiresAt.IsZero() && !c.Now().Before(s.ExpiresAt):
		return "", unauthenticated("The login has expired.", "oneclaw login"+c.devFlag(base))
	}
	return s.Credential, nil
}

// devFlag is the flag that logs in to base without typing, where there is one.
func (c *Session) devFlag(base string) string {
	if d, err := c.LoadDev(); err == nil && d != nil && d.APIURL == base {
		return " --dev"
	}
	return ""
}

func unauthenticated(what, command string) error {
	return fault.New(fault.Unauthenticated, "not_logged_in",
		what+" Run "+console.Quote(command)+", or set ONECLAW_TOKEN, ONECLAW_API_KEY or ONECLAW_AGENT_API_KEY.")
}
