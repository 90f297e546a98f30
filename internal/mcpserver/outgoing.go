package mcpserver

import (
	"encoding/json"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// outgoing are the calls that the server made of a client and that are not answered: the only
// answers that the library may see. It may be used by many goroutines.
type outgoing struct {
	mu  sync.Mutex
	ids map[string]jsonrpc.ID
}

func newOutgoing() *outgoing { return &outgoing{ids: map[string]jsonrpc.ID{}} }

// sent notes a message that goes to the client.
func (o *outgoing) sent(m jsonrpc.Message) {
	r, ok := m.(*jsonrpc.Request)
	if !ok || !r.IsCall() {
		return
	}
	id, err := json.Marshal(r.ID.Raw())
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ids[string(id)] = r.ID
}

// answers reports whether a message answers one of them, which is then answered.
func (o *outgoing) answers(message []byte) bool {
	e, ok := readEnvelope(message)
	if !ok || e.has("method") || !e.has("id") || e.has("result") == e.has("error") {
		return false
	}
	var version string
	if json.Unmarshal(e.value("jsonrpc"), &version) != nil || version != "2.0" {
		return false
	}
	return o.take(e.value("id"))
}

func (o *outgoing) take(id jsontext.Value) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, waits := o.ids[string(id)]
	delete(o.ids, string(id))
	return waits
}

// unanswered takes one of those that the end of the input leaves without an answer, and answers it
// in the client's place; nil: there is none.
func (o *outgoing) unanswered() jsonrpc.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, id := range o.ids {
		delete(o.ids, key)
		return &jsonrpc.Response{ID: id, Error: &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "The client is gone."}}
	}
	return nil
}
