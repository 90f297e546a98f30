package httpapi

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// Bounds of request bodies (contract section 0: 413 above 5 MiB). Strangers have
// no secrets to store: what they may send holds a key or a password.
const (
	maxBody       = 5 << 20
	maxPublicBody = 64 << 10
)

// read returns the body of r, at most what its route takes, in a buffer that the caller
// has to wipe.
func (to *route) read(x *gate.Request, r *http.Request) ([]byte, error) {
	limit := to.maxBody
	if x.Within() {
		limit = 2*limit + maxPublicBody // what came over MCP was written anew, and may have become longer
	}
	data, err := x.Read(r, limit)
	if err != nil {
		return nil, err
	}
	if to.form && isForm(r.Header.Get("Content-Type"), data) {
		if data, err = formToJSON(data); err != nil {
			return nil, err
		}
	}
	if len(data) == 0 && to.bodyOptional {
		data = []byte("{}")
	}
	return data, nil
}
