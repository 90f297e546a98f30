package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// transfer is one request and its answer.
type transfer struct {
	conn *gate.Stream
	x    *gate.Request
	use  *broker.Prepared

	mu     sync.Mutex // of what follows
	mask   *mask.Mask
	out    filter // of the body; the mask, or frames with it
	begun  bool   // the head was passed on
	status int
	bytes  int64
	quiet  *time.Timer // until nothing has come for a moment
	aging  *time.Timer // until what is held back is old
	ages   bool        // that runs
	broken error
}

// filter takes secrets out of a body.
type filter interface {
	Write(piece []byte) []byte
	Quiet() []byte
	Aged() []byte
	Rest() []byte
	Holds() bool
}

// pause is how long nothing comes before what is held back is let go.
const pause = 50 * time.Millisecond

// age is how often what is held back since the last time is let go while more comes.
const age = 250 * time.Millisecond

func (t *transfer) found() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mask == nil {
		return 0
	}
	return t.mask.Found()
}

// run sends the request and passes the answer on, until ctx ends.
func (t *transfer) run(ctx context.Context, by http.RoundTripper, h *broker.Head, body *upload) error {
	sent := io.Reader(body)
	if h.Bodyless() && (h.Upgrade() || body.Ends()) {
		sent = nil
	}
	body.Endless(body.r)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := t.use.Send(ctx, by, h, sent)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	t.mask = t.use.Mask()
	defer t.mask.Wipe()
	t.status = res.StatusCode
	from, err := decoded(res)
	if err != nil {
		return err
	}
	if err := t.head(res); err != nil {
		return err
	}
	t.out = t.mask
	t.quiet, t.aging = time.AfterFunc(time.Hour, t.still), time.AfterFunc(time.Hour, t.aged)
	defer t.end()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return t.upgraded(ctx, cancel, res, body)
	}
	if err := t.copy(ctx, from); err != nil {
		return err
	}
	t.trailers(res.Trailer)
	return nil
}

// copy passes the body on.
func (t *transfer) copy(ctx context.Context, from io.Reader) error {
	buf := make([]byte, small)
	defer func() { clear(buf) }()
	for {
		n, err := from.Read(buf)
		if e := t.pass(ctx, buf[:n]); e != nil {
			return e
		}
		switch {
		case errors.Is(err, io.EOF):
			return t.send(ctx, filter.Rest)
		case err != nil:
			return why(ctx)
		case n == len(buf) && n < large:
			buf = make([]byte, large) // it is not idle
		case n < small && len(buf) > small:
			clear(buf)
			buf = make([]byte, small) // it is again
		}
	}
}

// Sizes of the pieces that an answer is read in: while little comes, and while much does.
const (
	small = 4 << 10
	large = 64 << 10
)

// why is how a stream ended before its answer did.
func why(ctx context.Context) error {
	if e, ok := errors.AsType[*fault.Error](context.Cause(ctx)); ok {
		return e
	}
	return errBroken
}

var errBroken = fault.New(fault.Unprocessable, "upstream_failed", "The other server's answer broke off.")

func (t *transfer) pass(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return t.send(ctx, func(f filter) []byte { return f.Write(b) })
}

// send passes on what the mask lets go, as long as ctx has not ended.
func (t *transfer) send(ctx context.Context, what func(filter) []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return why(ctx)
	}
	if t.broken != nil {
		return t.broken
	}
	if out := what(t.out); len(out) > 0 {
		t.bytes += int64(len(out))
		if _, err := t.conn.Write(out); err != nil {
			return errHungUp
		}
	}
	if t.out.Holds() {
		t.quiet.Reset(pause)
		t.age()
	}
	return nil
}

// end lets nothing be passed on any more.
func (t *transfer) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.quiet.Stop()
	t.aging.Stop()
	t.broken = errBroken
}

// still runs when nothing came for a moment.
func (t *transfer) still() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late(filter.Quiet)
}

// age has what is held back let go when it is old.
func (t *transfer) age() {
	if !t.ages {
		t.ages = true
		t.aging.Reset(age)
	}
}

// aged runs when what was held back at the last time may be old.
func (t *transfer) aged() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ages = false
	t.late(filter.Aged)
	if t.broken == nil && t.out.Holds() {
		t.age()
	}
}

// late passes on what the mask lets go when time has passed.
func (t *transfer) late(what func(filter) []byte) {
	if t.broken != nil {
		return
	}
	out := what(t.out)
	if len(out) == 0 {
		return
	}
	t.bytes += int64(len(out))
	if _, err := t.conn.Write(out); err != nil {
		t.broken = errHungUp
	}
}

// answerHead is what the answer begins with.
type answerHead struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
}

// head passes on the status and the headers.
func (t *transfer) head(res *http.Response) error {
	line, err := json.Marshal(&answerHead{res.StatusCode, t.pairs(res.Header, res.StatusCode == http.StatusSwitchingProtocols)})
	if err != nil {
		return err
	}
	t.x.Header().Set("Content-Type", MediaType)
	if err := t.conn.Begin(); err != nil {
		return err
	}
	t.begun = true
	if _, err := t.conn.Write(append(line, '\n')); err != nil {
		return errHungUp
	}
	return nil
}

func (t *transfer) trailers(h http.Header) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(h) == 0 {
		return
	}
	if text, err := json.Marshal(t.pairs(h, false)); err == nil {
		t.x.Header().Set(http.TrailerPrefix+"Oneclaw-Trailers", string(text))
	}
}
