package client

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// payload is a body as it is sent. The transport may go on reading it when the answer is
// there, so it is wiped behind a lock.
type payload struct {
	mu   sync.Mutex
	text []byte
	over bool
}

// carry makes p the body of r.
func (p *payload) carry(r *http.Request) {
	r.ContentLength = int64(len(p.text))
	r.GetBody = func() (io.ReadCloser, error) { return &payloadReader{p: p}, nil }
	r.Body = &payloadReader{p: p}
}

// wipe ends all readers.
func (p *payload) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.text)
	p.text, p.over = nil, true
}

type payloadReader struct {
	p  *payload
	at int
}

var errWiped = errors.New("client: the call is over")

// Read implements io.Reader.
func (r *payloadReader) Read(b []byte) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	switch {
	case r.p.over:
		return 0, errWiped
	case r.at == len(r.p.text):
		return 0, io.EOF
	}
	n := copy(b, r.p.text[r.at:])
	r.at += n
	return n, nil
}

// Close implements io.Closer.
func (*payloadReader) Close() error { return nil }
