// Package relay sends requests of any size for their callers, with secrets in them, and passes on
// the answers as they come, with the secrets masked.
//
// Its promise: what internal/broker promises holds for each byte of a stream. Nothing is sent
// before a binding allowed it and the use is in the log; nothing of an answer is passed on unmasked,
// or after the right to it ended; and a stream that was broken never looks whole.
package relay

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// MediaType is that of a request and its answer.
const MediaType = "application/vnd.oneclaw.http-stream"

// Config is what a Relay stands on.
type Config struct {
	Broker *broker.Service
	HTTP   http.RoundTripper              // guarded, and without an end of its own: netguard.Options.Stream
	Epoch  func(org string) (int64, bool) // of rights: see vault.Store
	Log    *slog.Logger
}

// Relay serves streams.
type Relay struct {
	cfg     Config
	leaving chan struct{} // closed when streams have to end
	leave   sync.Once
}

// New returns a Relay.
func New(cfg Config) *Relay { return &Relay{cfg: cfg, leaving: make(chan struct{})} }

// Leave ends the streams under way: the server is told to stop.
func (s *Relay) Leave() { s.leave.Do(func() { close(s.leaving) }) }

var errType = fault.New(fault.Invalid, "invalid_content_type", "Content-Type is "+MediaType+": a line of JSON, a line break and the body's bytes.")

// Serve serves one stream.
func (s *Relay) Serve(x *gate.Request, r *http.Request) error {
	conn := x.Stream(r)
	defer conn.Shut(r)
	if r.Header.Get("Content-Type") != MediaType {
		return errType
	}
	h, err := s.read(conn, r)
	if err != nil {
		return err
	}
	body := &upload{Stream: conn, r: r}
	epoch, _ := s.cfg.Epoch(x.Call.Who.Org)
	var p *broker.Prepared
	err = x.Decide(r.Context(), true, func(ctx context.Context) (err error) {
		p, err = s.cfg.Broker.Stream(ctx, &x.Call, h, body)
		return err
	})
	if err != nil {
		return err
	}
	defer p.Close()
	x.Passed()
	ctx, stop := s.watch(&standing{of: x, use: p, epoch: epoch}).Begin(r.Context())
	defer stop()
	t := &transfer{conn: conn, x: x, use: p}
	err = t.run(ctx, s.cfg.HTTP, h, body)
	stop()
	if err != nil && (r.Context().Err() != nil || conn.Lost()) {
		err = errHungUp
	}
	p.Tell(ctx, t.status, t.bytes, t.found(), err)
	if err != nil && t.begun {
		panic(http.ErrAbortHandler) // a stream that broke must not look whole
	}
	return err
}

// read reads the head, and the body where it is to be looked at as a whole.
func (s *Relay) read(conn *gate.Stream, r *http.Request) (*broker.Head, error) {
	line, err := conn.Line(broker.MaxHead)
	if err != nil {
		return nil, err
	}
	h, err := broker.ReadHead(line)
	if err != nil || !h.Looked() {
		return h, err
	}
	data, whole, err := conn.Ahead(r, broker.MaxBody)
	if err != nil || !whole {
		return h, err // a longer one has no references
	}
	return h, h.Look(data)
}

// upload is the body of a request as it comes.
type upload struct {
	*gate.Stream
	r *http.Request
}

// Ahead implements broker.Body.
func (u *upload) Ahead(limit int) ([]byte, bool, error) { return u.Stream.Ahead(u.r, limit) }

var (
	errHungUp  = fault.New(fault.Unprocessable, "stream_cancelled", "The caller hung up.")
	errEnded   = fault.New(fault.Denied, "right_ended", "The right to use the secret ended while the stream went on.").Because("right_ended")
	errUnsure  = fault.New(fault.Unavailable, "right_unknown", "The stream was ended: nobody could tell any more whether it may go on. Try again.")
	errLeaving = fault.New(fault.Unavailable, "server_stops", "The stream was ended: the server is told to stop. Try again.")
)
