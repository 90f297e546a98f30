package mcpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
)

// maxInProcess bounds a reply that is collected in memory. The client's own bound
// is the same.
const maxInProcess = 64 << 20

// InProcess returns a transport that calls api directly, without a connection. To
// api the requests come from the peer of from: they carry its address, its TLS
// state and what proxies said of it, so that address rules and the audit log see
// the caller and not this process. A nil from stands for this machine. A panic in
// api becomes a 500, and a line in log.
func InProcess(api http.Handler, from *http.Request, log *slog.Logger) http.RoundTripper {
	return &inProcess{api: api, from: from, log: logger(log)}
}

type inProcess struct {
	api  http.Handler
	from *http.Request
	log  *slog.Logger
}

// forwarded are the headers in which a proxy names the caller.
var forwarded = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip"}

// RoundTrip runs the handler in the caller's goroutine and returns its whole reply.
func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := t.incoming(r)
	w := &recorder{header: http.Header{}}
	if err := t.serve(w, in); err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err // what the handler wrote was for nobody, as on a connection
	}
	return w.response(r)
}

// incoming turns a client's request into what a server would have read.
func (t *inProcess) incoming(r *http.Request) *http.Request {
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
		in.RemoteAddr, in.TLS = t.from.RemoteAddr, t.from.TLS
		for _, h := range forwarded {
			if v := t.from.Header.Values(h); len(v) > 0 {
				in.Header[h] = append([]string(nil), v...)
			}
		}
	}
	return in
}

var errAborted = errors.New("the handler gave up")

func (t *inProcess) serve(w *recorder, r *http.Request) (err error) {
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
	t.api.ServeHTTP(w, r)
	return nil
}

// recorder keeps a reply.
type recorder struct {
	header http.Header
	sent   http.Header // header as it was when the status was written
	status int
	body   bytes.Buffer
	long   bool
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if w.body.Len()+len(b) > maxInProcess {
		w.long = true
		return 0, errTooLong
	}
	return w.body.Write(b)
}

var errTooLong = errors.New("the reply is too long")

// fail replaces whatever was written so far.
func (w *recorder) fail() {
	w.status, w.long = http.StatusInternalServerError, false
	w.sent = http.Header{"Content-Type": {"application/problem+json"}}
	w.body.Reset()
	w.body.WriteString(problemJSON(w.status, "internal_error", "The server failed on this request."))
}

func (w *recorder) response(r *http.Request) (*http.Response, error) {
	if w.long {
		return nil, errTooLong
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}
