package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Bounds of request bodies (contract section 0: 413 above 5 MiB). Strangers have
// no secrets to store: what they may send holds a key or a password.
const (
	maxBody       = 5 << 20
	maxPublicBody = 64 << 10
	bodyTime      = 30 * time.Second // to arrive in
)

// Bodies above smallBody share largeBodies bytes among all requests under way,
// and wait at most bodyWait for their part.
const (
	smallBody   = 64 << 10
	largeBodies = 64 << 20
	bodyWait    = 5 * time.Second
)

var errBusy = &fault.Error{
	Kind: fault.Unavailable, Code: "server_busy", RetryAfter: bodyWait,
	Detail: "Too many large requests are under way. Try again in a moment.",
}

// bodies reads requests' bodies, each into one buffer that is wiped when the
// request is done. huma, which copies what it reads into a buffer that doubles
// and leaves the old ones behind, gets a ticket in the body's place, and the
// format finds the body by it.
type bodies struct {
	large budget
	last  atomic.Uint64
	held  sync.Map // ticket to []byte
}

func newBodies() *bodies {
	return &bodies{large: budget{free: largeBodies, wait: bodyWait, freed: make(chan struct{})}}
}

// swap reads the body of r, at most limit bytes, and puts a ticket in its place.
// Call done when the request is answered. sent is the type that its sender gave.
func (b *bodies) swap(w http.ResponseWriter, r *http.Request, to *route, sent string) (done func(), err error) {
	// Not every writer has a deadline, tests' have none; huma ignores that too.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) //nolint:forbidigo // the network's own clock
	data, weight, err := b.read(r.Context(), r.Body, r.ContentLength, to.maxBody)
	if err != nil {
		b.large.give(weight)
		return nil, err
	}
	if to.form && isForm(sent, data) {
		if data, err = formToJSON(data); err != nil {
			b.large.give(weight)
			return nil, err
		}
	}
	if len(data) == 0 && to.bodyOptional {
		data = []byte("{}")
	}
	if len(data) == 0 {
		return func() {}, nil // huma says what is missing
	}
	ticket := strconv.FormatUint(b.last.Add(1), 10)
	b.held.Store(ticket, data)
	r.Body = io.NopCloser(bytes.NewReader([]byte(ticket)))
	return func() {
		b.held.Delete(ticket)
		clear(data)
		b.large.give(weight)
	}, nil
}

// of returns the body that the ticket stands for.
func (b *bodies) of(ticket []byte) []byte {
	data, _ := b.held.Load(string(ticket))
	body, _ := data.([]byte)
	return body
}

// read returns the body and what it took from the budget. The first part is read
// before any is taken, so that who sends nothing holds nothing.
func (b *bodies) read(ctx context.Context, from io.Reader, length, limit int64) (data []byte, weight int64, err error) {
	if from == nil || length == 0 {
		return nil, 0, nil
	}
	if length > limit {
		// Clients that write all before they read would see a broken connection
		// and not why; a little more than fits is read for them, and not kept.
		_, _ = io.CopyN(io.Discard, from, min(length, 2*limit))
		return nil, 0, errBodyTooLarge
	}
	room := length
	if length < 0 {
		room = limit + 1 // one byte more shows that it is too large
	}
	data = make([]byte, min(room, smallBody))
	n, err := io.ReadFull(from, data)
	if err == nil && room > smallBody {
		if err := b.large.take(ctx, room); err != nil {
			clear(data)
			return nil, 0, err
		}
		weight = room
		whole := make([]byte, room)
		copy(whole, data)
		clear(data)
		var more int
		more, err = io.ReadFull(from, whole[n:])
		data, n = whole, n+more
	}
	short := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case err == nil && int64(n) > limit:
		err = errBodyTooLarge
	case length < 0 && short:
		err = nil
	case err != nil:
		err = unreadable(err)
	}
	if err != nil {
		clear(data)
		return nil, weight, err
	}
	return data[:n], weight, nil
}

// The problems of bodies that have no kind of fault, or have their own words.
var (
	errBodyTooLarge = newProblem(http.StatusRequestEntityTooLarge, "body_too_large",
		"The request's body is too large: 5 MiB are taken, and 64 KiB where no credential is asked for.")
	errBodyTooSlow    = newProblem(http.StatusRequestTimeout, "body_too_slow", "The request's body did not arrive in time.")
	errBodyUnreadable = newProblem(http.StatusBadRequest, "body_unreadable", "The request's body did not arrive whole.")
)

func unreadable(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errBodyTooSlow
	}
	return errBodyUnreadable
}

// budget is a number of bytes that requests share.
type budget struct {
	wait  time.Duration
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed and made anew with every part given back
}

// take waits for n bytes, not for long. errBusy when they do not come.
func (b *budget) take(ctx context.Context, n int64) error {
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	for {
		b.mu.Lock()
		if b.free >= n {
			b.free -= n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-timer.C:
			return errBusy
		case <-ctx.Done():
			return errBusy
		}
	}
}

// give returns what take gave.
func (b *budget) give(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.freed)
	b.freed = make(chan struct{})
}
