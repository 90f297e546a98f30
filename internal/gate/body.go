package gate

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// SmallBody is what a body may hold without a part of the budget: what most of
// them are. A caller that sends nothing holds nothing.
const SmallBody = 8 << 10

// Read returns the body of r, at most limit bytes. Above SmallBody, what it holds
// is taken from the lease as it arrives, whatever was announced. Nothing is held
// twice but while it grows.
func (x *Request) Read(r *http.Request, limit int64) ([]byte, error) {
	ctx, lease := r.Context(), x.taken()
	length := r.ContentLength
	if r.Body == nil || length == 0 {
		x.read = true
		return nil, nil
	}
	from := x.at.budgets.Pace.Reader(x.ResponseWriter, r.Body)
	if length > limit {
		// Clients that write all before they read would see a broken connection
		// and not why; a little more than fits is read for them, and not kept. One that
		// asks first has not written any.
		if !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			_, _ = io.CopyN(io.Discard, from, min(length, 2*limit))
		}
		return nil, errBodyTooLarge
	}
	most := length
	if length < 0 {
		most = limit + 1 // one byte more shows that it is too large
	}
	data := make([]byte, min(most, SmallBody))
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
	x.read = true
	return data[:n], nil
}

// What is wrong with a body that does not arrive.
var (
	errBodyTooLarge = fault.New(fault.TooLarge, "body_too_large",
		"The request's body is too large: 5 MiB are taken, and 64 KiB where no credential is asked for.")
	errBodyTooSlow    = fault.New(fault.TooSlow, "body_too_slow", "The request's body did not arrive in time.")
	errBodyUnreadable = fault.New(fault.Invalid, "body_unreadable", "The request's body did not arrive whole.")
)

func unreadable(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errBodyTooSlow
	}
	return errBodyUnreadable
}
