package mcpserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// notJSON answers a line that could be read in two ways, or in none.
const notJSON = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"That is not a protocol message: send JSON in UTF-8, one message a line, each key once, and nothing behind it."}}` + "\n"

// lines passes on the lines of the input that are strict JSON, and answers the
// others. The library would take the last of two equal keys, and what is no JSON
// would end the session.
type lines struct {
	in   *bufio.Reader
	end  io.Closer
	out  io.Writer
	line []byte // what the library has not read yet
}

var errLongLine = errors.New("a line is too long")

// Read implements io.Reader.
func (l *lines) Read(b []byte) (int, error) {
	for len(l.line) == 0 {
		line, err := l.next()
		if err != nil {
			return 0, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if strictjson.Check(line, maxDepth+1) != nil { // one more, for batches of older protocols
			if _, err := io.WriteString(l.out, notJSON); err != nil {
				return 0, err
			}
			continue
		}
		l.line = append(bytes.TrimSpace(line), '\n')
	}
	n := copy(b, l.line)
	l.line = l.line[n:]
	return n, nil
}

// next returns a line, or io.EOF once there is none.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxMessage:
			return nil, errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return line, err
		}
	}
}

// Close implements io.Closer.
func (l *lines) Close() error { return l.end.Close() }

// whole lets one message be written at a time, and leaves the process's standard
// output open.
type whole struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *whole) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// Close implements io.Closer.
func (w *whole) Close() error { return nil }
