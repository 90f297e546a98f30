package mcpserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// notJSON answers a line that could be read in two ways, or in none.
const notJSON = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"That is not a protocol message: send JSON in UTF-8, one message a line, each key once, and nothing behind it."}}` + "\n"

// tooLong answers a line that is longer than any message, with its id if that came
// before what is long.
const tooLong = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32600,"message":"The message is too long: a value may have at most 5 MiB."}}` + "\n"

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
		if errors.Is(err, errLongLine) {
			if _, err := fmt.Fprintf(l.out, tooLong, idOf(line)); err != nil {
				return 0, err
			}
			continue
		}
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

// next returns a line, or io.EOF once there is none. It reads a
// line that is too long to its end, and returns the beginning with errLongLine.
func (l *lines) next() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := l.in.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxMessage; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long && (err == nil || errors.Is(err, io.EOF)):
			return line, errLongLine
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return line, err
		}
	}
}

// idOf returns the id of the request that begins so, or null when it does not tell.
func idOf(beginning []byte) []byte {
	from, to := locate(beginning, "id")
	id := beginning[from:to]
	if len(id) == 0 || len(id) > maxID || id[0] != '"' && (id[0] < '0' || id[0] > '9') && id[0] != '-' {
		return []byte("null")
	}
	return id
}

const maxID = 128

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
