package loopback

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
)

// TestAReplyIsWiped: the buffer that a handler's reply outgrew, and that of the reply
// once its body is closed. What the caller of Call got is the caller's.
func TestAReplyIsWiped(t *testing.T) {
	value := bytes.Repeat([]byte("secret"), 100)
	var buffers [][]byte
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 11 {
			if _, err := w.Write(value); err != nil {
				t.Error(err)
			}
			buffers = append(buffers, w.(*reply).body)
		}
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := New(h, nil, nil).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, bytes.Repeat(value, 11)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := res.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d, %v", n, err)
	}
	status, got, err := New(h, nil, nil).Call(r)
	if err != nil || status != http.StatusOK || !bytes.Equal(got, bytes.Repeat(value, 11)) {
		t.Errorf("status %d, %d bytes, %v", status, len(got), err)
	}
	for _, b := range buffers {
		if bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
			t.Errorf("a buffer of %d bytes holds the reply", len(b))
		}
	}
}
