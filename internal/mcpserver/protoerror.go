package mcpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// secretsURI is the only resource.
const secretsURI = "vault://secrets"

// codeRefused marks protocol errors whose text is ours and complete.
const codeRefused = -32010

// mend returns the protocol error that a client may see. The library's own texts
// quote the message that they could not read, which may hold a value: only the
// code of those is kept.
func mend(err error) *jsonrpc.Error {
	e, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok {
		e = &jsonrpc.Error{Code: jsonrpc.CodeInternalError}
	}
	if e.Code == codeRefused {
		return e
	}
	out := &jsonrpc.Error{Code: e.Code}
	switch e.Code {
	case jsonrpc.CodeParseError, jsonrpc.CodeInvalidRequest:
		out.Message = noMessage
	case jsonrpc.CodeMethodNotFound:
		out.Message = noMethod
	case jsonrpc.CodeInvalidParams:
		out.Message = "There is no such tool or resource, or the parameters do not fit the method. List the tools to see their names; the only resource is " + secretsURI + "."
	case mcp.CodeUnsupportedProtocolVersion:
		out.Message, out.Data = "This protocol version is not supported.", versionsOnly(e.Data)
	default:
		out.Message = "The request was not carried out. Does it come before initialize, or after the end of the session?"
	}
	return out
}

var version = regexp.MustCompile(`\A\d{4}-\d\d-\d\d\z`)

// versionsOnly keeps what clients negotiate with, unless the version that was
// asked for is some other text.
func versionsOnly(data json.RawMessage) json.RawMessage {
	var d mcp.UnsupportedProtocolVersionData
	if json.Unmarshal(data, &d) != nil || !version.MatchString(d.Requested) {
		return nil
	}
	return data
}

// mendBody is mend for the body of an HTTP reply: one message, or a batch.
func mendBody(body []byte) []byte {
	if !bytes.Contains(body, []byte(`"error":`)) {
		return body
	}
	var batch []json.RawMessage
	if json.Unmarshal(body, &batch) != nil {
		return mendMessage(body)
	}
	for i := range batch {
		batch[i] = mendMessage(batch[i])
	}
	out, err := json.Marshal(batch)
	if err != nil {
		return nil
	}
	return out
}

func mendMessage(raw []byte) []byte {
	m, err := jsonrpc.DecodeMessage(raw)
	if err != nil {
		return nil
	}
	r, ok := m.(*jsonrpc.Response)
	if !ok || r.Error == nil {
		return raw
	}
	r.Error = mend(r.Error)
	out, err := jsonrpc.EncodeMessage(r)
	if err != nil {
		return nil
	}
	return out
}
