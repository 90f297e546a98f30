package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxReply   = 64 << 20 // a whole listing of 100,000 secrets fits
	maxProblem = 64 << 10
	maxTries   = 3
	maxWait    = 30 * time.Second // a longer Retry-After is the caller's to wait for, see WithPatience
	tryTimeout = 60 * time.Second
)

// codeTooSoon refuses a request by its rate, before anything was done: any may be sent again.
const codeTooSoon = "rate_limited"

// request is one call. body is encoded once, unless it is a *payload, and may be sent
// several times.
type request struct {
	method string
	path   string // escaped
	query  url.Values
	body   any
	header map[string]Value // beside the usual ones
	public bool             // no credential is sent
	// repeatable marks a call that may be sent again though an earlier try may
	// have been carried out. Writing a secret is not: it would add two versions.
	repeatable bool
	stream     bool                               // the caller reads the body, of any length, and closes it
	also       func(status int, body []byte) bool // an answer beside 2xx that is no problem either
}

// call sends q and decodes the reply into out, which may be nil.
func (c *Client) call(ctx context.Context, q request, out any) error {
	res, err := c.send(ctx, q)
	if err != nil {
		return err
	}
	return decoded(res, q, c.base, out)
}

// decoded reads the answer to q into out.
func decoded(res *reply, q request, base string, out any) error {
	defer clear(res.body) // it may hold a value
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(res.body, out); err != nil {
		// The cause may quote the reply: it is not kept.
		return badReply(fmt.Sprintf("%s answered %s %s with something that is not the expected JSON. Is the base URL right?",
			base, q.method, q.path))
	}
	return nil
}

// reply is a 2xx answer: body is read whole, unless the request asked for a stream.
type reply struct {
	*http.Response
	body []byte
}

// send makes the tries of one call: again after a refused token, once, and again
// after a failure that time may heal.
func (c *Client) send(ctx context.Context, q request) (*reply, error) {
	body, made := q.body.(*payload)
	if !made && q.body != nil {
		text, err := encode(q.body)
		if err != nil {
			return nil, err
		}
		body = &payload{text: text}
	}
	renewed, lost := false, false
	for try := 1; ; try++ {
		token := ""
		if !q.public {
			t, err := c.auth.token(ctx)
			if err != nil {
				return nil, err
			}
			token = t
		}
		res, err := c.try(ctx, q, body, token)
		if err == nil {
			return res, nil
		}
		e, _ := errors.AsType[*Error](err)
		if e.Status == http.StatusUnauthorized && !q.public && !renewed && c.auth.refused(token) {
			renewed = true
			try--
			continue
		}
		if e.Code == CodePersonRequired && c.person != nil && !q.public {
			return c.inPerson(ctx, q)
		}
		if lost && q.method == http.MethodDelete && e.Status == http.StatusNotFound {
			// An earlier try got no answer: it was the one that deleted.
			return &reply{Response: &http.Response{StatusCode: http.StatusNoContent}}, nil
		}
		wait, again := pause(e, try, c.maxWait)
		if !again || !q.repeatable && e.Code != codeTooSoon || try >= maxTries || ctx.Err() != nil {
			return nil, e
		}
		lost = lost || e.Status == 0
		if !sleep(ctx, wait) {
			return nil, e
		}
	}
}

// encode writes v as JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // what is nearly as long as allowed must not become longer
	if err := e.Encode(v); err != nil {
		return nil, refuse("invalid_request", "The request can not be written as JSON.")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// inPerson makes a call with the token of a person who signs in for it.
func (c *Client) inPerson(ctx context.Context, q request) (*reply, error) {
	signedIn, done, err := c.person(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return signedIn.send(ctx, q)
}

// pause says whether time may heal e, and how long to wait before try+1. A server
// that asks for more than longest is not waited for.
func pause(e *Error, try int, longest time.Duration) (time.Duration, bool) {
	back := 100 * time.Millisecond << (2 * (try - 1))
	switch e.Status {
	case 0:
		return back, e.Code == CodeUnreachable
	case http.StatusTooManyRequests:
		return max(e.RetryAfter, back), e.RetryAfter > 0 && e.RetryAfter <= longest
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(e.RetryAfter, back), e.RetryAfter <= longest
	}
	return 0, false
}

// sleep waits unless ctx ends, or would end, before.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try sends the request once. Its errors are all *Error.
func (c *Client) try(ctx context.Context, q request, body *payload, token string) (*reply, error) {
	cancel := context.CancelFunc(func() {})
	if !q.stream {
		ctx, cancel = context.WithTimeout(ctx, tryTimeout)
	}
	defer cancel()
	u := c.base + q.path
	if len(q.query) > 0 {
		u += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, u, http.NoBody)
	if err != nil {
		return nil, refuse("invalid_request", "The request does not make a valid URL.")
	}
	if body != nil {
		body.carry(r)
	}
	r.Header.Set("User-Agent", c.userAgent)
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, v := range q.header {
		r.Header.Set(name, string(v.Reveal()))
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	ok := res.StatusCode >= 200 && res.StatusCode < 300
	if ok && q.stream {
		return &reply{Response: res}, nil
	}
	defer res.Body.Close()
	limit := int64(maxReply)
	if !ok {
		limit = maxProblem
	}
	b, err := readAll(io.LimitReader(res.Body, limit+1), res.ContentLength, limit)
	if !ok && (q.also == nil || !q.also(res.StatusCode, b)) {
		return nil, problem(res, b, c.now())
	}
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	if int64(len(b)) > limit {
		return nil, badReply("The reply is longer than this client accepts; ask for it in pages.")
	}
	return &reply{Response: res, body: b}, nil
}

// readAll is io.ReadAll that leaves no copies of what it read. length is what was
// announced, or -1.
func readAll(r io.Reader, length, limit int64) ([]byte, error) {
	if length < 0 || length > limit {
		length = 4 << 10
	}
	b := make([]byte, 0, length+1) // one more, to find the end
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			larger := append(make([]byte, 0, 2*cap(b)), b...)
			clear(b)
			b = larger
		}
	}
}

// unreachable keeps the reason (connection refused, timeout) and drops the URL,
// which *url.Error would print with its path.
func unreachable(base string, err error) *Error {
	cause := err
	if ue, ok := errors.AsType[*url.Error](err); ok {
		cause = ue.Err
	}
	why := cause.Error()
	switch {
	case errors.Is(err, context.Canceled):
		why = "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		why = "timed out"
	}
	return &Error{Type: "about:blank", Title: "No answer", Code: CodeUnreachable, cause: cause,
		Detail: "No answer from " + base + ": " + why + "."}
}

// route joins fixed words, ids and at last a secret path into an escaped URL path.
func route(parts ...string) (string, error) {
	var b strings.Builder
	b.WriteString("/v1")
	for _, p := range parts {
		// "" and dots would make another route of it, on the way or at the server.
		if p == "" || p == "." || p == ".." {
			return "", refuse(CodeInvalidPath, "An id or a part of the path is empty, '.' or '..'; nothing was sent.")
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String(), nil
}

// CheckPath refuses the path of a secret that can not be sent (CodeInvalidPath), so that
// nobody is asked for a value in vain. The server has more rules for it.
func CheckPath(secretPath string) error {
	why := ""
	switch {
	case secretPath == "":
		why = "The path of the secret is empty."
	case strings.HasPrefix(secretPath, "/"):
		why = "The path of a secret does not begin with a slash: write app/key, not /app/key."
	case strings.HasSuffix(secretPath, "/"):
		why = "The path of a secret does not end with a slash: write app/key, not app/key/."
	case strings.Contains(secretPath, "//"):
		why = "The path of a secret has single slashes: write app/key, not app//key."
	}
	if why == "" {
		return nil
	}
	return refuse(CodeInvalidPath, why)
}

// under is route with a secret path at the end, escaped segment by segment.
func under(secretPath string, parts ...string) (string, error) {
	if err := CheckPath(secretPath); err != nil {
		return "", err
	}
	return route(append(parts, strings.Split(secretPath, "/")...)...)
}
