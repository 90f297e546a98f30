package placeholder

import (
	"bytes"
	"errors"
	"io"
)

// ErrFound is the error of a guarded body that holds a placeholder.
var ErrFound = errors.New("a placeholder stands in the body")

// Guard hands a body on until the last letter of a placeholder in it would be: then it fails. It
// holds nothing back, so that a stream stays one.
func (s *Set) Guard(body io.ReadCloser) io.ReadCloser {
	return &guard{ReadCloser: body, set: s, keep: s.longest - 1}
}

type guard struct {
	io.ReadCloser
	set  *Set
	keep int    // one less than the longest text that is looked for
	tail []byte // what was handed on last
	seam []byte
	err  error
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.ReadCloser.Read(p)
	keep := g.keep
	g.seam = append(append(g.seam[:0], g.tail...), p[:min(n, keep)]...)
	if g.set.in(g.seam) || g.set.in(p[:n]) {
		g.err = ErrFound
		clear(p[:n])
		return 0, g.err
	}
	if n >= keep {
		g.tail = append(g.tail[:0], p[n-keep:n]...)
	} else {
		g.tail = append(g.tail, p[:n]...)
		if over := len(g.tail) - keep; over > 0 {
			g.tail = append(g.tail[:0], g.tail[over:]...)
		}
	}
	return n, err
}

func (s *Set) in(b []byte) bool {
	for _, w := range s.spelled {
		if bytes.Contains(b, []byte(w)) {
			return true
		}
	}
	return false
}
