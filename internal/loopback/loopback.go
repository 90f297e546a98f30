// Package loopback calls an HTTP handler of this process without a connection.
//
// Its promise: to the handler a request looks like one that a server read from
// the peer of another request, whose address, TLS state and word of proxies it
// has, and whose limits and audit events therefore are the peer's. The caller
// gets the whole reply or an error, and a reply is wiped when its body is closed.
package loopback

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// Transport implements http.RoundTripper over a handler.
type Transport struct {
	handler http.Handler
	from    *http.Request
	log     *slog.Logger
}

// New returns a transport to a handler. Its requests come from the peer of from;
// a nil from stands for this machine. A panic in the handler becomes a 500, and a
// line in log. A nil log drops that line.
func New(handler http.Handler, from *http.Request, log *slog.Logger) *Transport {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Transport{handler: handler, from: from, log: log}
}

// forwarded are the headers in which a proxy names the caller.
var forwarded = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip"}

// RoundTrip runs the handler in the caller's goroutine and returns its whole reply.
// It fails when the request's context is over, when the handler aborts, and when
// the reply is longer than 64 MiB.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := &reply{header: http.Header{}}
	if err := t.serve(w, t.incoming(r)); err != nil {
		w.wipe()
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		w.wipe()
		return nil, err // what the handler wrote was for nobody, as on a connection
	}
	return w.response(r)
}

// incoming turns a client's request into what a server would have read.
func (t *Transport) incoming(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.Host = r.Host
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RemoteAddr = "127.0.0.1:0"
	for _, h := range forwarded {
		in.Header.Del(h)
	}
	if t.from != nil {
		proxies.Pass(in, t.from)
	}
	return in
}

var errAborted = errors.New("the handler gave up")

func (t *Transport) serve(w *reply, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = errAborted
		default:
			t.log.ErrorContext(r.Context(), "a handler panicked", slog.String("type", fmt.Sprintf("%T", p)),
				slog.String("stack", string(debug.Stack())))
			w.fail()
		}
	}()
	t.handler.ServeHTTP(w, r)
	return nil
}

// Call sends a request and returns the status and the body of the reply. The caller
// wipes the body, which may hold a secret.
func (t *Transport) Call(r *http.Request) (status int, body []byte, err error) {
	res, err := t.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body = make([]byte, res.ContentLength) // one buffer: one that grows would leave copies
	_, err = io.ReadFull(res.Body, body)
	return res.StatusCode, body, err
}

// Serve has the handler answer r on w itself, for an answer that goes on: it is passed on as it
// comes. It returns when the handler does.
func (t *Transport) Serve(w http.ResponseWriter, r *http.Request) {
	t.handler.ServeHTTP(w, t.incoming(r))
}
