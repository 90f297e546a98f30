package httpapi

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// Bounds of request bodies (contract section 0: 413 above 5 MiB). Strangers have
// no secrets to store: what they may send holds a key or a password.
const (
	maxBody       = 5 << 20
	maxPublicBody = 64 << 10
)

// bodies reads requests' bodies, each into one buffer that is wiped when the
// request is done. huma, which copies what it reads into a buffer that doubles
// and leaves the old ones behind, gets a ticket in the body's place, and the
// format finds the body by it.
type bodies struct {
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
func (b *bodies) swap(x *gate.Request, r *http.Request, to *route, sent string) (done func(), err error) {
	limit := to.maxBody
	if x.Within() {
		limit = 2*limit + maxPublicBody // what came over MCP was written anew, and may have become longer
	}
	data, err := x.Read(r, limit)
	if err != nil {
		return nil, err
	}
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
