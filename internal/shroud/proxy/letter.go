package proxy

import (
	"io"
	"net/http"
	"sync"
)

// letter is the body of a call to a provider. It can be sent again until it is burnt.
type letter struct {
	mu   sync.Mutex
	text []byte
	size int
}

// in puts the letter into a request.
func (l *letter) in(r *http.Request) {
	r.ContentLength = int64(l.size)
	r.GetBody = func() (io.ReadCloser, error) { return &letterReader{of: l}, nil }
	r.Body, _ = r.GetBody() // never fails
}

// burn forgets the letter: whoever got it answers.
func (l *letter) burn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = nil
}

type letterReader struct {
	of *letter
	at int
}

// Read implements io.Reader.
func (r *letterReader) Read(b []byte) (int, error) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	switch {
	case r.at >= r.of.size:
		return 0, io.EOF
	case r.of.text == nil:
		return 0, io.ErrUnexpectedEOF // the provider answered before it had all
	}
	n := copy(b, r.of.text[r.at:])
	r.at += n
	return n, nil
}

// Close implements io.Closer.
func (*letterReader) Close() error { return nil }
