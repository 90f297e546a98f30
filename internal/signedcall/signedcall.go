// Package signedcall calls an address that an organisation named, with a body that
// is signed with a secret that the organisation was shown once.
//
// Its promise: an address that can never be called is refused when it is named; the
// secret is stored sealed; every body is signed in one way; and what became of a call
// is a kind that tells nothing of the network behind this server.
package signedcall

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Sealer seals the secrets that calls are signed with.
type Sealer interface {
	Seal(ctx context.Context, kek string, r seal.Ref, value secret.Bytes) (seal.Box, error)
	Open(ctx context.Context, kek string, r seal.Ref, b seal.Box) (secret.Bytes, error)
}

// Keys makes the key for that. CreateKEK fails with fault.Conflict when it is there.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
}

// Sender makes one outbound request. It refuses addresses that the operator did
// not allow.
type Sender interface {
	Do(*http.Request) (*http.Response, error)
}

// Caller makes such calls. All fields but Reach are needed.
type Caller struct {
	Sealer Sealer
	Keys   Keys
	Sender Sender
	// Reach refuses a URL that could not be called now. Nil refuses none.
	Reach func(ctx context.Context, url string) error
	Now   func() time.Time
}

// Target is an address with the secret of its calls.
type Target struct {
	URL string
	At  seal.Ref // where the secret is sealed
	Box seal.Box
}

// KEK is the keystore's key for signing secrets. Its name is that of their first use.
const KEK = "system:approval-webhooks"

// The headers of a call. The signature is "t=UNIX,v1=HEX": HMAC-SHA-256 with the
// secret over the time, a dot and the body.
const (
	signatureHeader = "X-Oneclaw-Signature"
	deliveryHeader  = "X-Oneclaw-Delivery"
)

// Time is the longest that one call takes.
const Time = 10 * time.Second

const maxURL = 2048

var (
	errURL = fault.New(fault.Invalid, "invalid_webhook_url",
		"url must be an https address without a login in it, such as https://example.com/approvals.")
	errUnreachable = fault.New(fault.Invalid, "webhook_unreachable",
		"This server can't call url: its host must have a name that is known and public addresses, or be allowed by the operator (ONECLAW_OUTBOUND_ALLOW).")
)

// CheckURL returns an address in the form that it is stored in. It refuses what is no
// address to call, and what could not be called now: names that are unknown and
// names of private addresses are refused alike.
func (c *Caller) CheckURL(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxURL || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", errURL
	}
	if c.Reach != nil && c.Reach(ctx, u.String()) != nil {
		return "", errUnreachable
	}
	return u.String(), nil
}

// NewSecret makes a secret, "whsec_" and 32 random bytes in base64url, and seals it.
// Wipe it.
func (c *Caller) NewSecret(ctx context.Context, at seal.Ref) (secret.Bytes, seal.Box, error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		panic(err) // crypto/rand does not fail
	}
	defer clear(raw[:])
	key := secret.New(base64.RawURLEncoding.AppendEncode([]byte("whsec_"), raw[:]))
	box, err := c.Sealer.Seal(ctx, KEK, at, key)
	if fault.Is(err, fault.NotFound) {
		if err = c.Keys.CreateKEK(ctx, KEK); err == nil || fault.Is(err, fault.Conflict) {
			box, err = c.Sealer.Seal(ctx, KEK, at, key)
		}
	}
	if err != nil {
		key.Wipe()
		return secret.Bytes{}, seal.Box{}, err
	}
	return key, box, nil
}

// Post calls a target. Where the same delivery comes twice, it has the same id. The
// error is for this server's log; the organisation is shown the outcome.
func (c *Caller) Post(ctx context.Context, to Target, delivery string, body []byte) (Outcome, error) {
	out := Outcome{At: c.Now()}
	key, err := c.Sealer.Open(ctx, KEK, to.At, to.Box)
	if err != nil {
		out.Error = ServerError
		if err = seal.KeyLost(err); fault.Is(err, fault.Damaged) {
			out.Error = KeyLost
		}
		return out, err
	}
	at := strconv.FormatInt(out.At.Unix(), 10)
	signature := sign(key, at, body)
	key.Wipe()
	ctx, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		out.Error = AddressRefused
		return out, errURL
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "oneclaw")
	req.Header.Set(deliveryHeader, delivery)
	req.Header.Set(signatureHeader, "t="+at+",v1="+signature)
	// The receiver knows a delivery by its id: a call whose old connection turns out to be
	// closed is made again at once on a new one. A nil value is not sent (see http.Request).
	req.Header["X-Idempotency-Key"] = nil
	resp, err := c.Sender.Do(req)
	if err != nil {
		out.Error = kindOf(err)
		return out, withoutURL(req.URL.Host, err)
	}
	// The body is of no use; what is read of it lets the connection be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close() // the answer is known
	out.Status = resp.StatusCode
	if !out.OK() {
		out.Error = BadStatus
		return out, errStatus(resp.StatusCode)
	}
	return out, nil
}

// errNoHTTP is all that is said of an answer that is no HTTP: the error has words of it.
var errNoHTTP = errors.New("what it sent is no HTTP, or not all of it")

// withoutURL is err without the address, whose path and query often hold a token, and without what the
// receiver sent.
func withoutURL(host string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if _, network := errors.AsType[*net.OpError](err); !network && kindOf(err) == NotConnected && !errors.Is(err, context.Canceled) {
		err = errNoHTTP
	}
	return fmt.Errorf("call %s: %w", host, err)
}

func sign(key secret.Bytes, at string, body []byte) string {
	mac := hmac.New(sha256.New, key.Reveal())
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
