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

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// Bounds of request bodies (contract section 0: 413 above 5 MiB). Strangers have
// no secrets to store: what they may send holds a key or a password.
const (
	maxBody       = 5 << 20
	maxPublicBody = 64 << 10
	bodyTime      = 30 * time.Second // to arrive in
)

// smallBody is what a body may hold without a part of the budget: what most of
// them are. Whoever sends nothing holds nothing.
const smallBody = 8 << 10

// bodies reads requests' bodies, each into one buffer that is wiped when the
// request is done. huma, which copies what it reads into a buffer that doubles
// and leaves the old ones behind, gets a ticket in the body's place, and the
// format finds the body by it.
type bodies struct {
	pace budget.Pace
	last atomic.Uint64
	held sync.Map // ticket to received
}

// received is the text of a request, and what decodes it.
type received struct {
	data []byte
	dec  *jsontext.Decoder // holds no text itself, so it need not be erased
}

// swap reads the body of r, at most what its route takes, and puts a ticket in its
// place. Call done when the request is answered. sent is the type that its sender
// gave.
func (b *bodies) swap(x *exchange, r *http.Request, to *route, sent string) (done func(), err error) {
	limit := to.maxBody
	if x.within != nil {
		limit = 2*limit + maxPublicBody // what came over MCP was written anew, and may have become longer
	}
	data, err := b.read(r.Context(), x.ResponseWriter, r, limit, x.taken())
	if err != nil {
		return nil, err
	}
	x.read = true
	if to.form && isForm(sent, data) {
		if data, err = formToJSON(data); err != nil {
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
	b.held.Store(ticket, received{data, strictjson.Decoder(data)})
	r.Body = io.NopCloser(bytes.NewReader([]byte(ticket)))
	return func() {
		b.held.Delete(ticket)
		clear(data)
	}, nil
}

// of returns the body that the ticket stands for.
func (b *bodies) of(ticket []byte) received {
	held, _ := b.held.Load(string(ticket))
	found, _ := held.(received)
	return found
}

// read returns the body of r, at most limit bytes. Above smallBody, what it holds
// is taken from the lease as it arrives, whatever was announced. Nothing is held
// twice but while it grows.
func (b *bodies) read(ctx context.Context, w http.ResponseWriter, r *http.Request, limit int64, lease *budget.Lease) ([]byte, error) {
	length := r.ContentLength
	if r.Body == nil || length == 0 {
		return nil, nil
	}
	from := b.pace.Reader(w, r.Body)
	if length > limit {
		// Clients that write all before they read would see a broken connection
		// and not why; a little more than fits is read for them, and not kept.
		_, _ = io.CopyN(io.Discard, from, min(length, 2*limit))
		return nil, errBodyTooLarge
	}
	most := length
	if length < 0 {
		most = limit + 1 // one byte more shows that it is too large
	}
	data := make([]byte, min(most, smallBody))
	n, err := io.ReadFull(from, data)
	for err == nil && int64(n) < most {
		size := min(most, max(2*int64(n), budget.Chunk))
		if lease != nil && size > lease.Held() {
			if err := lease.Take(ctx, size-lease.Held()); err != nil {
				clear(data)
				return nil, err
			}
		}
		more := make([]byte, size)
		copy(more, data)
		clear(data)
		data = more
		var m int
		m, err = io.ReadFull(from, data[n:])
		n += m
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
		return nil, err
	}
	return data[:n], nil
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
