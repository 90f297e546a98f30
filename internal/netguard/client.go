package netguard

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// ErrTooLarge is in the error of a body that is longer than it may be.
var ErrTooLarge = fault.New(fault.Unavailable, "answer_too_large", "The other server's answer is too large.")

// errRedirects ends a chain of redirects that is longer than it may be.
var errRedirects = errors.New("netguard: too many redirects")

// Options say what a client may spend on one request. Zero values are the
// defaults.
type Options struct {
	Timeout   time.Duration // of the whole request with its body; 10 s
	MaxBody   int64         // bytes of an answer's body; 1 MiB
	Idle      int           // connections to a host that are kept; 4
	Open      int           // connections to a host at once; 32
	Redirects int           // that are followed, each checked like a request; none: the 3xx itself is the answer
	// Stream lets answers go on without an end, and connections change to another protocol: whoever
	// asks for it bounds them.
	Stream bool
}

const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 1 << 20
	defaultIdle    = 4
	defaultOpen    = 32
	maxHeaders     = 64 << 10
)

// Client returns a client whose every request is guarded. Make one for a
// purpose and keep it: it holds connections.
func (g *Guard) Client(o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &http.Client{
		Transport: g.Transport(o),
		Timeout:   o.Timeout,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			switch {
			case o.Redirects <= 0:
				return http.ErrUseLastResponse
			case len(via) > o.Redirects:
				return errRedirects
			}
			return nil
		},
	}
}

// Transport is what Client is made on, for those who bring a client of their
// own. Of o, Redirects does not
// count, and Timeout is how long an answer may take to begin.
func (g *Guard) Transport(o Options) http.RoundTripper {
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	base := http.Transport{
		Proxy:                  nil, // what is called is what was checked
		TLSHandshakeTimeout:    connectTime,
		ResponseHeaderTimeout:  defaultTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           max(32, 2*o.Idle),
		MaxIdleConnsPerHost:    cmp.Or(o.Idle, defaultIdle),
		MaxConnsPerHost:        cmp.Or(o.Open, defaultOpen),
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true, // a small answer stays small
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: g.cfg.RootCAs},
	}
	if o.Timeout > defaultTimeout {
		base.ResponseHeaderTimeout = o.Timeout
	}
	encrypted, open := base.Clone(), base.Clone()
	encrypted.DialContext = g.Dial
	open.DialContext = g.DialAllowed
	if o.Stream {
		o.MaxBody = math.MaxInt64 - 1
		memory := newAheads()
		encrypted.DialContext, open.DialContext = memory.over(g.Dial), memory.over(g.DialAllowed)
	}
	return &transport{guard: g, https: encrypted, http: open, maxBody: o.MaxBody, stream: o.Stream}
}

// errSwitched is of an answer that makes its connection one that nothing bounds any more. The request was
// sent, so that it is no ErrRefused.
var errSwitched = errors.New("netguard: the other server went over to a protocol that nobody asked for")

// transport is an http.RoundTripper. Plain http has connections of its own,
// which only what is allowed gets.
type transport struct {
	guard       *Guard
	https, http *http.Transport
	maxBody     int64
	stream      bool
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.guard.check(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as the interface asks
		}
		return nil, err
	}
	to := t.https
	if r.URL.Scheme == "http" {
		to = t.http
	}
	res, err := to.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols && t.stream {
		return res, nil // its body is the connection
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		_ = res.Body.Close()
		return nil, errSwitched
	}
	res.Body = &bounded{ReadCloser: res.Body, left: t.maxBody}
	return res, nil
}

// CloseIdleConnections lets http.Client close what is kept.
func (t *transport) CloseIdleConnections() {
	t.https.CloseIdleConnections()
	t.http.CloseIdleConnections()
}

// bounded fails rather than end early: half an answer must not look whole.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one byte more shows that it is too large
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
