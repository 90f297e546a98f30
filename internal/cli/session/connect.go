package session

import (
	"errors"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// CredentialVars hold a credential; the first that is set is used.
var CredentialVars = [...]string{"ONECLAW_TOKEN", "ONECLAW_API_KEY", "ONECLAW_AGENT_API_KEY"}

// BaseURL is the address of the server: of the flag, the environment, the stored
// login, or a `oneclaw dev` on this machine, in this order.
func (c *Session) BaseURL() (string, error) {
	for _, from := range [][2]string{{"--api-url", c.APIURL}, {"ONECLAW_BASE_URL", c.Getenv("ONECLAW_BASE_URL")}, {"ONECLAW_API_URL", c.Getenv("ONECLAW_API_URL")}} {
		s := from[1]
		if s == "" {
			continue
		}
		if !strings.Contains(s, "://") {
			return "", console.Usage(from[0] + " begins with https:// or http://, such as http://127.0.0.1:8210.")
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
	if c.CAFile != "" {
		opts = append(opts, client.WithCAFile(c.CAFile))
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
