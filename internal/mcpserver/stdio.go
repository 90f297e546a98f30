package mcpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// RunStdio serves one client that writes to in and reads from out, until in ends
// and all that was asked is answered, or ctx ends; both are a clean end (nil).
// Nothing but the protocol goes to out.
func RunStdio(ctx context.Context, s *mcp.Server, in io.ReadCloser, out io.Writer) error {
	_, err := runStdio(ctx, s, in, out)
	return err
}

// runStdio is RunStdio, and reports whether a client asked for anything.
func runStdio(ctx context.Context, s *mcp.Server, in io.ReadCloser, out io.Writer) (began bool, err error) {
	to := &whole{to: out}
	calls := newOutgoing()
	from := &lines{in: bufio.NewReaderSize(in, 64<<10), end: in, out: to, asked: calls}
	var asked atomic.Bool
	err = s.Run(ctx, streams{&mcp.IOTransport{Reader: from, Writer: to, MaxLineLength: maxMessage + 1}, &asked, calls})
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return asked.Load(), nil //nolint:nilerr // these are how a session ends
	}
	// The library's error may quote the line that it could not read.
	return asked.Load(), errors.New("the MCP client sent something that is not a protocol message, or closed its end; the session is over")
}

// streams mends three habits of the library: its errors quote what was sent, it
// drops the answers to calls that the end of the input follows closely, as in
// printf ... | oneclaw mcp, and it answers nothing to a call whose id is in use.
type streams struct {
	mcp.Transport
	asked *atomic.Bool // set by the first call
	calls *outgoing
}

// Connect implements mcp.Transport.
func (t streams) Connect(ctx context.Context) (mcp.Connection, error) {
	c, err := t.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &stream{Connection: c, asked: t.asked, calls: t.calls, idle: make(chan struct{}, 1), closed: make(chan struct{}), ids: map[jsonrpc.ID]bool{}}, nil
}

type stream struct {
	mcp.Connection
	asked  *atomic.Bool
	calls  *outgoing
	idle   chan struct{} // told when nothing is open, or a call of the client was made
	closed chan struct{}
	once   sync.Once

	over error // of the input, once it is known; of who reads
	mu   sync.Mutex
	ids  map[jsonrpc.ID]bool // of calls that the library has not answered
	open int                 // calls whose answer is not written
}

// Read holds the end of the input back until every call is answered.
func (s *stream) Read(ctx context.Context) (jsonrpc.Message, error) {
	var m jsonrpc.Message
	err := s.over
	if err == nil {
		m, err = s.read(ctx)
	}
	for errors.Is(err, io.EOF) && s.count(0) > 0 {
		if lost := s.calls.unanswered(); lost != nil {
			s.over = err // the library tells of the end once
			return lost, nil
		}
		select {
		case <-s.idle:
		case <-s.closed:
			return m, err
		case <-ctx.Done():
			return m, err
		}
	}
	return m, err
}

// read returns the next message, and answers calls whose id another one still has.
func (s *stream) read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		m, err := s.Connection.Read(ctx)
		r, ok := m.(*jsonrpc.Request)
		if err != nil || !ok || !r.IsCall() || s.begin(r.ID) {
			return m, err
		}
		if err := s.Connection.Write(ctx, &jsonrpc.Response{ID: r.ID, Error: errIDInUse}); err != nil {
			return nil, err
		}
	}
}

var errIDInUse = &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "A request with this id is not answered yet: give each request its own."}

func (s *stream) Write(ctx context.Context, m jsonrpc.Message) error {
	r, ok := m.(*jsonrpc.Response)
	if !ok {
		s.calls.sent(m)
		select {
		case s.idle <- struct{}{}: // the input may have ended already
		default:
		}
		return s.Connection.Write(ctx, m)
	}
	if r.Error != nil {
		mended := *r
		mended.Error = mend(r.Error)
		m = &mended
	}
	defer s.count(-1)
	s.end(r.ID) // first: who reads the answer may use the id again
	return s.Connection.Write(ctx, m)
}

// Close also ends a Read that waits.
func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Connection.Close()
}

// begin counts a call, unless another one has its id.
func (s *stream) begin(id jsonrpc.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[id] {
		return false
	}
	s.ids[id] = true
	s.open++
	s.asked.Store(true)
	return true
}

func (s *stream) end(id jsonrpc.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

func (s *stream) count(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open += n; s.open <= 0 {
		select {
		case s.idle <- struct{}{}:
		default:
		}
	}
	return s.open
}
