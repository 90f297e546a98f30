package netguard

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// fullConn has all that is asked for, as long as there is some.
type fullConn struct {
	net.Conn
	left  *bytes.Reader
	reads int
}

func (c *fullConn) Read(p []byte) (int, error) {
	c.reads++
	return c.left.Read(p)
}

func (*fullConn) Close() error { return nil }

func TestMuchIsReadAhead(t *testing.T) {
	text := make([]byte, 4<<20+17)
	for i := range text {
		text[i] = byte(i * i >> 7)
	}
	by := newAheads()
	under := &fullConn{left: bytes.NewReader(text)}
	c := &ahead{Conn: under, by: by}
	var got bytes.Buffer
	_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{c}, make([]byte, 16<<10)) // as TLS reads
	if err != nil || !bytes.Equal(got.Bytes(), text) {
		t.Fatalf("%d bytes of %d came: %v", got.Len(), len(text), err)
	}
	if most := len(text)/aheadSize + 4; under.reads > most {
		t.Errorf("%d reads, not %d", under.reads, most)
	}
	if n := len(by.places); n != 0 {
		t.Errorf("%d places are taken at the end", n)
	}
}

func TestLittleIsNotReadAhead(t *testing.T) {
	by := newAheads()
	under := &fullConn{left: bytes.NewReader(make([]byte, 10*100))}
	c := &ahead{Conn: under, by: by}
	for range 10 {
		if n, err := c.Read(make([]byte, 100)); n != 100 || err != nil {
			t.Fatal(n, err)
		}
	}
	if under.reads != 10 || len(by.places) != 0 {
		t.Errorf("%d reads, %d places", under.reads, len(by.places))
	}
}

// Readers that take nothing hold so much memory, and no more; the others are read as before.
func TestPlacesToReadAheadAreBounded(t *testing.T) {
	by := newAheads()
	var all []*ahead
	for range mostAhead + 1 {
		c := &ahead{Conn: &fullConn{left: bytes.NewReader(make([]byte, 1<<20))}, by: by}
		for range 3 {
			if _, err := c.Read(make([]byte, 16<<10)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	if n := len(by.places); n != mostAhead {
		t.Errorf("%d places are taken", n)
	}
	for _, c := range all {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(by.places); n != 0 {
		t.Errorf("%d places are taken after all were closed", n)
	}
}
