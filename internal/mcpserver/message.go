package mcpserver

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

const (
	// maxSecret is how long a value may be: the API's largest body.
	maxSecret = 5 << 20
	// maxRest bounds a message but for the value in it.
	maxRest = 256 << 10
	// maxMessage lets every value through that the API takes: clients that write all
	// but ASCII as \uXXXX make three bytes out of one, at most.
	maxMessage = 3*maxSecret + maxRest
	// maxDepth is that of the API, for metadata that are three levels deeper here.
	maxDepth = 32 + 3
)

var (
	errBatch   = errors.New("a batch")
	errMessage = errors.New("a message that is too long without its value")
)

// unpack checks a message and takes a value out of it, of which the library would make
// many copies that nobody wipes. In its place stays an empty text; value is as it was sent.
func unpack(message []byte) (rest []byte, value jsontext.Value, err error) {
	if at := bytes.TrimLeft(message, " \t\r\n"); len(at) > 0 && at[0] == '[' {
		return nil, nil, errBatch
	}
	if err := strictjson.Check(message, maxDepth); err != nil {
		return nil, nil, err
	}
	rest = message
	if from, to := locate(message, "params", "arguments", "value"); to > from && message[from] == '"' {
		value = message[from:to]
		rest = append(append(append(make([]byte, 0, len(message)-len(value)+2), message[:from]...), `""`...), message[to:]...)
	}
	if len(rest) > maxRest {
		return nil, nil, errMessage
	}
	return rest, value, nil
}

// locate returns where the value of the last of the names is, each being a key in
// the object of the one before; 0, 0 when it is not there. The text passed Check.
func locate(text []byte, names ...string) (from, to int) {
	dec := strictjson.Decoder(text)
	for _, name := range names {
		if dec.PeekKind() != '{' {
			return 0, 0
		}
		if _, err := dec.ReadToken(); err != nil {
			return 0, 0
		}
		for {
			key, err := dec.ReadToken()
			if err != nil || key.Kind() != '"' {
				return 0, 0
			}
			if key.String() == name {
				break
			}
			if dec.SkipValue() != nil {
				return 0, 0
			}
		}
	}
	v, err := dec.ReadValue()
	if err != nil {
		return 0, 0
	}
	to = int(dec.InputOffset())
	return to - len(v), to
}

type valueKey struct{}

// withValue carries a value past the library, to the tool that takes it.
func withValue(ctx context.Context, value jsontext.Value) context.Context {
	if value == nil {
		return ctx
	}
	return context.WithValue(ctx, valueKey{}, value)
}

// restore puts a value back in its place.
func restore(ctx context.Context, fields []field, in input) error {
	value, _ := ctx.Value(valueKey{}).(jsontext.Value)
	for _, f := range fields {
		if value == nil || f.name != "value" {
			continue
		}
		text, err := jsontext.AppendUnquote(make([]byte, 0, len(value)), value)
		if err != nil {
			return f.bad("must be a string")
		}
		if len(text) > maxSecret {
			clear(text)
			return f.bad("must have at most %d bytes", maxSecret)
		}
		in[f.name] = text
	}
	return nil
}
