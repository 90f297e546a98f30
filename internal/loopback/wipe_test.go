package loopback

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// TestAReplyIsWiped: the buffer that a handler's reply outgrew, and that of the reply
// once its body is closed.
func TestAReplyIsWiped(t *testing.T) {
	value := bytes.Repeat([]byte("secret"), 100)
	w := &reply{header: http.Header{}}
	if _, err := w.Write(value); err != nil {
		t.Fatal(err)
	}
	outgrown := w.body
	for range 10 {
		if _, err := w.Write(value); err != nil {
			t.Fatal(err)
		}
	}
	last := w.body
	res, err := w.response(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Body(res)
	if err != nil || !bytes.Equal(got, bytes.Repeat(value, 11)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for name, b := range map[string][]byte{"outgrown": outgrown, "closed": last} {
		if bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
			t.Errorf("the %s buffer holds the reply", name)
		}
	}
	if n, err := res.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // a reader returns the value itself
		t.Errorf("after the end: %d, %v", n, err)
	}
}
