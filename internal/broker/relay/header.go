package relay

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/broker/coding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// pairs are the headers of an answer that are passed on, masked.
func (t *transfer) pairs(h http.Header, upgrade bool) [][2]string {
	var named []string
	for _, v := range h.Values("Connection") {
		for n := range strings.SplitSeq(v, ",") {
			named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(n)))
		}
	}
	out := [][2]string{}
	for name, values := range h {
		if !upgrade && (hop(name) || slices.Contains(named, name)) || t.withheld(name) || t.mask.Names(name) {
			continue
		}
		for _, v := range values {
			out = append(out, [2]string{name, t.mask.Text(v)})
		}
	}
	slices.SortStableFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

// hop reports whether a header is of the connection to the other server.
func hop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Proxy-Authenticate", "Proxy-Connection", "Alt-Svc":
		return true
	}
	return false
}

// withheld reports whether a header is a credential of the other server, which the bindings don't hand back.
func (t *transfer) withheld(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Authorization", "Authentication-Info", "Proxy-Authentication-Info", "Proxy-Authorization", "X-Amz-Security-Token":
		return !t.use.Credentials()
	}
	return false
}

var errEncoding = fault.New(fault.Unprocessable, "answer_not_readable", "The answer is encoded in a way that can't be searched for secrets, so it is held back.")

// decoded is the body of an answer in the clear: no encoding was asked for.
func decoded(res *http.Response) (body io.Reader, err error) {
	body, encoded, err := coding.Decoded(res)
	if err != nil {
		return nil, errEncoding
	}
	if encoded {
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
	}
	return body, nil
}
