package mcpserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

const (
	noMessage = "That is not a protocol message."
	noMethod  = "There is no such method here."
)

// known reports whether the library answers the method of a call, or takes the notification.
// A test asks it for each.
func known(method string) bool {
	switch method {
	case "initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
		"resources/read", "resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete",
		"logging/setLevel",
		"notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/roots/list_changed":
		return true
	}
	return false
}

// sift decides about one message that is strict JSON. kept is what the library gets, with
// its id as the library can keep it; nil: nothing. refused is what is wrong with a message
// that is answered at once, with its id, which is null where it has none that counts.
//
// The library ends a session over a message that is none, and an HTTP request with it. What
// JSON-RPC 2.0 section 4.1 has dropped without an answer is dropped here: notifications that
// nobody knows, and answers to what was never asked.
func sift(message []byte) (kept []byte, id jsontext.Value, refused *jsonrpc.Error) {
	e, ok := readEnvelope(message)
	id = jsontext.Value("null")
	if e.has("id") && usableID(e.value("id")) {
		id = e.value("id")
	}
	bad := &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: noMessage}
	var method, version string
	switch {
	case !ok, json.Unmarshal(e.value("jsonrpc"), &version) != nil || version != "2.0",
		e.has("id") && !usableID(e.value("id")):
		return nil, id, bad
	case !e.has("method"):
		if string(id) == "null" || !e.has("result") && !e.has("error") {
			return nil, id, bad
		}
		return nil, id, nil
	case json.Unmarshal(e.value("method"), &method) != nil || e.value("method").Kind() != '"':
		return nil, id, bad
	case !known(method) && string(id) == "null":
		return nil, id, nil
	case !known(method):
		return nil, id, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: noMethod}
	}
	kept = e.replace("id", keptID(id))
	if method == "notifications/cancelled" {
		if from, to := locate(kept, "params", "requestId"); to > from && usableID(kept[from:to]) {
			kept = slices.Concat(kept[:from], keptID(kept[from:to]), kept[to:])
		}
	}
	return kept, id, nil
}

// refusal is the answer to a message.
func refusal(id jsontext.Value, e *jsonrpc.Error) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q}}`, id, e.Code, e.Message)
}

// envelope is a message and where the values of its own keys are.
type envelope struct {
	message []byte
	at      map[string][2]int
}

// readEnvelope reports false for what is no object.
func readEnvelope(message []byte) (envelope, bool) {
	e := envelope{message, map[string][2]int{}}
	dec := strictjson.Decoder(message)
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return e, false
	}
	for dec.PeekKind() == '"' {
		t, err := dec.ReadToken()
		if err != nil {
			return e, false
		}
		key := t.String()
		v, err := dec.ReadValue()
		if err != nil {
			return e, false
		}
		to := int(dec.InputOffset())
		e.at[key] = [2]int{to - len(v), to}
	}
	return e, true
}

// has reports whether the message has the key with a value that is not null.
func (e envelope) has(key string) bool {
	v := e.value(key)
	return len(v) > 0 && v.Kind() != 'n'
}

func (e envelope) value(key string) jsontext.Value {
	at := e.at[key]
	return e.message[at[0]:at[1]]
}

// replace returns the message with another value in place of the key's, if it has it.
func (e envelope) replace(key string, v jsontext.Value) []byte {
	at, ok := e.at[key]
	if !ok || bytes.Equal(e.value(key), v) {
		return e.message
	}
	return slices.Concat(e.message[:at[0]], v, e.message[at[1]:])
}

// usableID takes texts and numbers, as JSON-RPC 2.0 section 4 does.
func usableID(v jsontext.Value) bool { return len(v) <= maxID && (v.Kind() == '"' || v.Kind() == '0') }

const maxID = 512

// idMark begins a text that stands for an id which the library does not keep as it is.
const idMark = "oneclaw/id:"

// keptID is an id as the library keeps it: numbers that are no whole ones below 2^53 would
// come back as others. They travel as texts that hold them, and so do texts like these.
func keptID(id jsontext.Value) jsontext.Value {
	switch id.Kind() {
	case '0':
		n, err := strconv.ParseFloat(string(id), 64)
		if err == nil && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return id
		}
	case '"':
		var text string
		if json.Unmarshal(id, &text) == nil && !strings.HasPrefix(text, idMark) {
			return id
		}
	default:
		return id
	}
	b, err := jsontext.AppendQuote(nil, idMark+string(id))
	if err != nil {
		return id
	}
	return b
}

// sentID undoes keptID in an answer of the library's.
func sentID(answer []byte) []byte {
	if !bytes.Contains(answer, []byte(idMark)) {
		return answer
	}
	from, to := locate(answer, "id")
	var text string
	if to == from || json.Unmarshal(answer[from:to], &text) != nil {
		return answer
	}
	id, kept := strings.CutPrefix(text, idMark)
	if !kept {
		return answer
	}
	return slices.Concat(answer[:from], []byte(id), answer[to:])
}
