package gate

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Stream is a request whose body and answer go on side by side for as long as both sides
// want. What bounds other requests in time does not bound it; a reader that takes nothing
// for SendTime ends it.
type Stream struct {
	x       *Request
	conn    *http.ResponseController
	lines   *bufio.Reader
	ahead   []byte // of the body, read before the rest
	whole   bool   // ahead is all of it
	rest    io.Reader
	ended   bool // rest is
	begun   bool // the answer is
	reading sync.Mutex
	shut    atomic.Bool
	lost    atomic.Bool
}

// SendTime is how long the caller may take for a piece of an answer that goes on.
const SendTime = 60 * time.Second

// Stream makes a stream of a request. The route calls it first, and Shut at its end.
func (x *Request) Stream(r *http.Request) *Stream {
	s := &Stream{x: x, conn: http.NewResponseController(x.ResponseWriter)}
	s.lines = bufio.NewReaderSize(x.at.budgets.Pace.Reader(x.ResponseWriter, r.Body), 4<<10)
	return s
}

var errLine = fault.New(fault.Invalid, "invalid_head", "The body begins with a line of JSON of at most 64 KiB: method, url, headers and perhaps vault_id and aws.")

// Line reads what the body begins with up to a line break.
func (s *Stream) Line(limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := s.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			clear(line)
			return nil, errLine
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			clear(line)
			return nil, errLine
		case err != nil:
			clear(line)
			return nil, unreadable(err)
		}
		s.x.read = true // it took time: who sent it is asked for again
		return line, nil
	}
}

// Ahead reads up to limit bytes of the body before the rest, on the caller's part of the
// budget, and reports whether they are all of it. Read returns them again.
func (s *Stream) Ahead(r *http.Request, limit int) (data []byte, whole bool, err error) {
	if s.ahead != nil || s.whole {
		return s.ahead, s.whole, nil
	}
	size := min(limit+1, SmallBody)
	data = make([]byte, size)
	n := 0
	for {
		var m int
		m, err = io.ReadFull(s.lines, data[n:])
		if n += m; err != nil || n > limit {
			break
		}
		size = min(limit+1, max(2*n, budget.Chunk))
		if lease := s.x.taken(); lease != nil && int64(size) > lease.Held() {
			if err := lease.Take(r.Context(), int64(size)-lease.Held()); err != nil {
				clear(data)
				return nil, false, err
			}
		}
		more := make([]byte, size)
		copy(more, data[:n])
		clear(data)
		data = more
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		clear(data)
		return nil, false, unreadable(err)
	}
	s.ahead, s.whole = data[:n:n], err != nil
	return s.ahead, s.whole, nil
}

// Ends reports whether the body has no byte. It waits for the first one.
func (s *Stream) Ends() bool {
	if len(s.ahead) > 0 || s.whole {
		return len(s.ahead) == 0
	}
	_, err := s.lines.Peek(1)
	return errors.Is(err, io.EOF)
}

// Endless takes the bounds of time away from what is read from now on.
func (s *Stream) Endless(r *http.Request) {
	_ = s.conn.SetReadDeadline(time.Time{})
	rest, _ := s.lines.Peek(s.lines.Buffered())
	s.ahead = append(s.ahead, rest...)
	s.lines.Reset(nil)
	s.rest = r.Body
	if s.whole {
		s.rest = http.NoBody
	}
}

// Read implements io.Reader. After Shut it returns io.ErrClosedPipe.
func (s *Stream) Read(b []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.shut.Load() {
		return 0, io.ErrClosedPipe
	}
	if len(s.ahead) > 0 {
		n := copy(b, s.ahead)
		clear(s.ahead[:n])
		s.ahead = s.ahead[n:]
		return n, nil
	}
	n, err := s.rest.Read(b)
	s.ended = s.ended || err != nil
	if err != nil && !errors.Is(err, io.EOF) && !s.shut.Load() {
		s.lost.Store(true)
	}
	return n, err
}

// Lost reports whether the caller hung up before its body ended.
func (s *Stream) Lost() bool { return s.lost.Load() }

// Begin sends the status and the headers that were set, after the event.
func (s *Stream) Begin() error {
	s.begun = true
	_ = s.conn.EnableFullDuplex() // HTTP/2 is so anyway
	_ = s.conn.SetWriteDeadline(time.Time{})
	s.x.WriteHeader(http.StatusOK)
	if s.x.dropped {
		return errNoRecord
	}
	return nil
}

// Write sends a piece at once, with the line break behind its last chunk: there are clients that
// show a chunk when they have seen that.
func (s *Stream) Write(b []byte) (int, error) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(SendTime)) //nolint:forbidigo // the network's own clock
	n := 0
	for n < len(b) {
		m, err := s.x.ResponseWriter.Write(b[n:min(n+budget.Chunk, len(b))])
		if n += m; err != nil {
			return n, err
		}
	}
	err := s.conn.Flush()
	_ = s.conn.SetWriteDeadline(time.Time{}) // while nothing is sent nobody is late
	return n, err
}

// Shut ends what still reads from the caller, and waits for it. What is left of the body is read and
// dropped where it comes soon: a connection whose body was left unread is not used again, and net/http
// must see the end of one before the handler's.
func (s *Stream) Shut(r *http.Request) {
	s.shut.Store(true)
	soon := time.Now().Add(time.Second) //nolint:forbidigo // the network's own clock
	if r.Context().Err() != nil || !s.begun {
		soon = time.Now() //nolint:forbidigo // as above
	}
	if !s.reading.TryLock() {
		_ = s.conn.SetReadDeadline(soon)
		s.reading.Lock()
	}
	defer s.reading.Unlock()
	clear(s.ahead)
	if s.begun && !s.ended && !s.lost.Load() {
		_ = s.conn.SetReadDeadline(soon)
		_, _ = io.CopyN(io.Discard, r.Body, 256<<10)
	}
}
