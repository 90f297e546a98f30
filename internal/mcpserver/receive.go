package mcpserver

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// Received is a message that was let in and read, on the account of who sent it.
type Received struct {
	Message []byte
	Sender  string          // who sent it; the same text for the same principal
	Context context.Context //nolint:containedctx // of the request, for calls within the process
	Room    func(n int) error
	Write   func([]byte) // sends the answer's body, as fast as its reader is
	Done    func()       // gives back what the message held
	Sees    Sight        // of an agent; nil: the API is asked whether it is one
	// Refused records that the message was refused, unless a call that was made for it left an
	// event. Its error, a *client.Error, is the answer in place of the refusal.
	Refused Refused
}

// Sight answers what an agent sees without a request to the API. Where it answers nothing,
// the API is asked: what it refuses it says and records itself.
type Sight interface {
	Agent() string                             // its id
	Vaults(ctx context.Context) []client.Vault // as the API lists them: id and name
	Vault(ctx context.Context, id string) bool
}

// Refused records a refusal with its status and its reason as a code.
type Refused func(status int, reason string) error

// unrecorded is the Refused of a server without a log.
func unrecorded(int, string) error { return nil }

// Receive reads a message of at most limit bytes for a caller whose credential is
// good at this moment. Its errors are *client.Error.
type Receive func(w http.ResponseWriter, r *http.Request, limit int64) (*Received, error)

// plainly is the Receive of a server without budgets.
func plainly(w http.ResponseWriter, r *http.Request, limit int64) (*Received, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return nil, errTooLongMessage
	}
	if err != nil {
		return nil, &client.Error{Status: http.StatusBadRequest, Code: "body_unreadable", Detail: "The message did not arrive whole."}
	}
	return &Received{Message: b, Context: r.Context(), Room: func(int) error { return nil },
		Write: func(b []byte) { _, _ = w.Write(b) }, Done: func() {}, Refused: unrecorded}, nil
}

// badMessage is a message that is refused before anybody looks at it.
func badMessage(status int, code, detail string) *client.Error {
	return &client.Error{Status: status, Code: code, Detail: detail}
}

var errTooLongMessage = badMessage(http.StatusRequestEntityTooLarge, "body_too_large", "The message is too long.")

// unpacked is unpack for HTTP: its errors are *client.Error.
func unpacked(message []byte) (rest, value []byte, err error) {
	rest, value, err = unpack(message)
	bad, _ := errors.AsType[*strictjson.Error](err)
	switch {
	case err == nil:
		return rest, value, nil
	case errors.Is(err, errBatch):
		err = badMessage(http.StatusBadRequest, "batch_not_supported", "Send one protocol message a request: batches are not taken.")
	case bad != nil:
		err = badMessage(http.StatusBadRequest, "invalid_json", bad.Error())
	default:
		err = errTooLongMessage
	}
	return nil, nil, err
}
