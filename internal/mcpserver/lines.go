package mcpserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// notJSON answers a line that could be read in two ways, or in none.
const notJSON = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"That is not a protocol message: send JSON in UTF-8, one message a line, each key once, and nothing behind it."}}`

// tooLong answers a line that is longer than any message, with its id if that came
// before what is long.
const tooLong = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32600,"message":"The message is too long: a value may have at most 5 MiB."}}`

// lines passes on the lines of the input that are protocol messages, and answers the
// others. The library would take the last of two equal keys, and what is no message
// would end the session.
type lines struct {
	in      *bufio.Reader
	end     io.Closer
	out     io.Writer
	batches bool // the protocol of the session has them
	asked   *outgoing
	line    []byte // what the library has not read yet
}

var errLongLine = errors.New("a line is too long")

// Read implements io.Reader.
func (l *lines) Read(b []byte) (int, error) {
	for len(l.line) == 0 {
		line, err := l.next()
		var answer []byte
		switch {
		case errors.Is(err, errLongLine):
			answer = fmt.Appendf(nil, tooLong, idOf(line))
		case err != nil:
			return 0, err
		case len(bytes.TrimSpace(line)) == 0:
			continue
		case strictjson.Check(line, maxDepth+1) != nil: // one more, for batches of older protocols
			answer = []byte(notJSON)
		default:
			l.line, answer = l.sift(bytes.TrimSpace(line))
		}
		if answer != nil {
			if _, err := l.out.Write(append(answer, '\n')); err != nil {
				return 0, err
			}
		}
		if l.line != nil {
			l.line = append(slices.Clip(l.line), '\n')
		}
	}
	n := copy(b, l.line)
	l.line = l.line[n:]
	return n, nil
}

// sift is sift for a line, which may be a batch.
func (l *lines) sift(line []byte) (kept, answer []byte) {
	if line[0] == '[' {
		return l.siftBatch(line)
	}
	if l.asked.answers(line) {
		return line, nil
	}
	kept, id, refused := sift(line)
	if refused != nil {
		return nil, refusal(id, refused)
	}
	var hello struct {
		Method string
		Params struct{ ProtocolVersion string }
	}
	if len(kept) < maxRest && json.Unmarshal(kept, &hello) == nil && hello.Method == "initialize" {
		l.batches = hello.Params.ProtocolVersion == "2024-11-05" || hello.Params.ProtocolVersion == "2025-03-26"
	}
	return kept, nil
}

// siftBatch refuses a batch as a whole when the session has none, when it is empty, or when
// one of its messages would be refused.
func (l *lines) siftBatch(line []byte) (kept, answer []byte) {
	var all []json.RawMessage
	refused := refusal(jsontext.Value("null"), &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: noMessage})
	if !l.batches || json.Unmarshal(line, &all) != nil || len(all) == 0 {
		return nil, refused
	}
	var some [][]byte
	seen := map[string]bool{}
	for _, one := range all {
		k, id, bad := sift(one)
		if bad != nil || string(id) != "null" && seen[string(id)] {
			return nil, refused
		}
		if seen[string(id)] = true; k != nil {
			some = append(some, k)
		}
	}
	if len(some) == 0 {
		return nil, nil
	}
	return slices.Concat([]byte("["), bytes.Join(some, []byte(",")), []byte("]")), nil
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
func idOf(beginning []byte) jsontext.Value {
	from, to := locate(beginning, "id")
	id := jsontext.Value(beginning[from:to])
	if to == from || !usableID(id) {
		return jsontext.Value("null")
	}
	return id
}

// Close implements io.Closer.
func (l *lines) Close() error { return l.end.Close() }

// whole lets one message be written at a time, with its id as it was sent, and leaves the
// process's standard output open.
type whole struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *whole) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.to.Write(sentIDs(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// sentIDs is sentID for what may be a batch.
func sentIDs(b []byte) []byte {
	if b[0] != '[' || !bytes.Contains(b, []byte(idMark)) {
		return sentID(b)
	}
	var all []json.RawMessage
	if json.Unmarshal(b, &all) != nil {
		return b
	}
	for i := range all {
		all[i] = sentID(all[i])
	}
	return slices.Concat([]byte("["), bytes.Join(raw(all), []byte(",")), []byte("]\n"))
}

func raw(all []json.RawMessage) [][]byte {
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out
}

// Close implements io.Closer.
func (w *whole) Close() error { return nil }
