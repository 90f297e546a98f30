// Package client calls a oneclaw server, or any server that speaks the same API.
//
// Its promises: a credential or a secret value goes to the base URL's host and
// nowhere else (redirects are not followed, plain http only to this machine unless
// allowed); nothing it returns or logs prints a secret value; a request that may
// have been carried out is never sent twice unless sending it twice is harmless;
// a reply costs bounded memory. Every method may be called from many goroutines.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Client is a connection to one server with one credential. Make it with New.
type Client struct {
	base      string
	http      *http.Client
	streams   *http.Client // for OpenStream
	userAgent string
	plainOK   bool
	now       func() time.Time
	auth      authorizer
	maxWait   time.Duration                                      // see WithPatience
	trusted   *x509.CertPool                                     // nil: those of the system
	person    func(ctx context.Context) (*Client, func(), error) // see WithPerson
}

// Option changes what New builds.
type Option func(*Client) error

// WithToken sends a token as it is: a JWT, or any key that the server takes.
func WithToken(token string) Option {
	return func(c *Client) error { return c.setAuth(fixed{ValueOf(token)}, token) }
}

// WithUserKey sends a personal API key (1ck_...).
func WithUserKey(key string) Option { return WithToken(key) }

// WithAgentKey exchanges an agent's key (ocv_...) for a short-lived token before
// the first call, and again shortly before the token ends or when it is refused.
func WithAgentKey(key string) Option {
	return func(c *Client) error {
		return c.setAuth(&exchanger{client: c, key: ValueOf(key)}, key)
	}
}

// WithHTTPClient uses h for the connections. It is copied; its redirect rule is
// replaced, since redirects are never followed.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) error {
		if h == nil {
			return errors.New("client: WithHTTPClient needs a client")
		}
		c.http = h
		return nil
	}
}

// WithCAFile trusts the authorities in a PEM file too, beside those of the system. It
// does not go together with WithHTTPClient.
func WithCAFile(name string) Option {
	return func(c *Client) error {
		pem, err := os.ReadFile(name)
		if err != nil {
			return errors.New("client: the file with certificates can not be read")
		}
		trusted, err := x509.SystemCertPool()
		if err != nil {
			trusted = x509.NewCertPool()
		}
		if !trusted.AppendCertsFromPEM(pem) {
			return errors.New("client: the file holds no certificate in PEM form (BEGIN CERTIFICATE)")
		}
		c.trusted = trusted
		return nil
	}
}

// WithUserAgent sets the User-Agent header.
func WithUserAgent(s string) Option {
	return func(c *Client) error { c.userAgent = s; return nil }
}

// WithPerson has ask sign a person in when the server says that a call takes one who
// is there (CodePersonRequired). The client that it returns, with the token of a new
// login, makes that call alone; done is called after it.
func WithPerson(ask func(ctx context.Context) (c *Client, done func(), err error)) Option {
	return func(c *Client) error { c.person = ask; return nil }
}

// WithPatience bounds how long a call waits, between its tries, for a server that says
// when to come back (Retry-After). When it says a longer time, the call fails at once.
// Without this option it is 30 s.
func WithPatience(d time.Duration) Option {
	return func(c *Client) error { c.maxWait = d; return nil }
}

// WithPlainHTTP allows http:// to a host that is not this machine. Credentials and
// values then cross the network readable by anyone on it.
func WithPlainHTTP() Option {
	return func(c *Client) error { c.plainOK = true; return nil }
}

// WithClock replaces the clock that decides when a token is about to end.
func WithClock(now func() time.Time) Option {
	return func(c *Client) error { c.now = now; return nil }
}

// New returns a client of the server at baseURL, such as https://vault.example.com
// or http://127.0.0.1:8210; a /v1 at its end is cut. It makes no connection.
func New(baseURL string, opts ...Option) (*Client, error) {
	c := &Client{userAgent: "oneclaw-go", now: time.Now, maxWait: maxWait}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	if c.auth == nil {
		c.auth = fixed{}
	}
	base, err := parseBase(baseURL, c.plainOK)
	if err != nil {
		return nil, err
	}
	c.base = base
	h := http.Client{Transport: defaultTransport(c.trusted)}
	if c.http != nil {
		if c.trusted != nil {
			return nil, errors.New("client: give either connections of your own or a file with certificates")
		}
		h = *c.http
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http, c.streams = &h, forStreams(h)
	return c, nil
}

// UsingToken returns a client of the same server, over the same connections, that
// sends another token.
func (c *Client) UsingToken(token string) *Client {
	d := *c
	d.auth, d.person = fixed{ValueOf(token)}, nil
	return &d
}

// BaseURL is the server's address, without a slash at the end.
func (c *Client) BaseURL() string { return c.base }

func (c *Client) setAuth(a authorizer, text string) error {
	if text == "" {
		return errors.New("client: the credential is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("client: the credential holds a character that no token has; look for spaces or line ends")
	}
	if c.auth != nil {
		return errors.New("client: give one credential only")
	}
	c.auth = a
	return nil
}

// ErrPlainHTTP is what New returns for http:// to another machine without
// WithPlainHTTP.
var ErrPlainHTTP = errors.New("client: http:// is for this machine only; use https://, or allow plain http explicitly")

func parseBase(s string, plainOK bool) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", errors.New("client: the base URL must look like https://host or http://127.0.0.1:8210")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("client: the base URL must hold no user, query or fragment")
	}
	if u.Scheme == "http" && !plainOK && !loopback(u.Hostname()) {
		return "", ErrPlainHTTP
	}
	return strings.TrimSuffix(strings.TrimRight(u.String(), "/"), "/v1"), nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func defaultTransport(trusted *x509.CertPool) http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}
