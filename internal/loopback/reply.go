package loopback

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
)

// maxReply bounds a reply that is collected in memory. The bound of the public
// client is the same.
const maxReply = 64 << 20

// reply implements http.ResponseWriter: it keeps what the handler writes.
type reply struct {
	header http.Header
	sent   http.Header // the header when the status was written
	status int
	body   []byte
	long   bool
}

// Header implements http.ResponseWriter.
func (w *reply) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *reply) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (w *reply) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if len(w.body)+len(b) > maxReply {
		w.long = true
		return 0, errTooLong
	}
	w.grow(len(b))
	w.body = append(w.body, b...)
	return len(b), nil
}

// grow makes room for n bytes, and wipes the smaller buffer.
func (w *reply) grow(n int) {
	if cap(w.body)-len(w.body) >= n {
		return
	}
	larger := make([]byte, len(w.body), max(2*cap(w.body), len(w.body)+n))
	copy(larger, w.body)
	clear(w.body)
	w.body = larger
}

func (w *reply) wipe() { clear(w.body) }

var errTooLong = errors.New("the reply is too long")

// failure is the answer of a handler that panicked.
const failure = `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server failed on this request.","code":"internal_error"}`

// fail replaces what was written so far.
func (w *reply) fail() {
	w.wipe()
	w.status, w.long = http.StatusInternalServerError, false
	w.sent = http.Header{"Content-Type": {"application/problem+json"}}
	w.body = []byte(failure)
}

func (w *reply) response(r *http.Request) (*http.Response, error) {
	if w.long {
		w.wipe()
		return nil, errTooLong
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: &body{bytes.NewReader(w.body), w}, ContentLength: int64(len(w.body)), Request: r,
	}, nil
}

// body is the body of a response.
type body struct {
	*bytes.Reader
	of *reply
}

// Close implements io.Closer: it wipes the reply.
func (b *body) Close() error {
	b.of.wipe()
	b.Reset(nil)
	return nil
}
