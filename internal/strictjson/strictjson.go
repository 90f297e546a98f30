// Package strictjson checks JSON that strangers send, before anything is built of
// it.
//
// Its promise: what passes has one meaning, whoever reads it, and costs little to
// decode. Its errors are fixed texts.
package strictjson

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxTokens bounds what a text is made of: as decoded, each key or value takes
// many times its size on the wire. The largest lists and objects that any
// operation takes have fewer together.
const MaxTokens = 50_000

// Error says why a text is refused.
type Error struct{ what string }

func (e *Error) Error() string { return e.what }

// What Check finds.
var (
	ErrNotJSON   = &Error{"The body is not valid JSON in UTF-8."}
	ErrTooDeep   = &Error{"The body is nested too deeply."}
	ErrTooMany   = &Error{"The body has too many keys and values."}
	ErrDuplicate = &Error{"An object in the body has the same key twice."}
	ErrTwin      = &Error{"The body has a key in two spellings that differ only in case."}
)

// Find returns the error with that text, or nil.
func Find(text string) *Error {
	for _, e := range []*Error{ErrNotJSON, ErrTooDeep, ErrTooMany, ErrDuplicate, ErrTwin} {
		if e.what == text {
			return e
		}
	}
	return nil
}

// Check reads the tokens of data once, without building anything: syntax, UTF-8,
// depth, number, that there is one value and no more text, duplicate keys anywhere,
// and keys of the outermost object that differ only in case. Two parsers could read
// such a text in two ways.
func Check(data []byte, maxDepth int) error { return CheckWith(Decoder(data), maxDepth) }

// CheckWith is Check for the text that is in dec, which it reads to the end.
func CheckWith(dec *jsontext.Decoder, maxDepth int) error {
	top := map[string]bool{}
	for n := 0; ; n++ {
		depth := dec.StackDepth()
		if n > 0 && depth == 0 {
			if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
				return ErrNotJSON
			}
			return nil
		}
		isKey := false
		if depth == 1 {
			kind, length := dec.StackIndex(1)
			isKey = kind == '{' && length%2 == 0
		}
		tok, err := dec.ReadToken()
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return ErrDuplicate
		case err != nil:
			return ErrNotJSON
		case dec.StackDepth() > maxDepth:
			return ErrTooDeep
		case n == MaxTokens:
			return ErrTooMany
		}
		if isKey && tok.Kind() == '"' {
			key := strings.ToLower(tok.String())
			if top[key] {
				return ErrTwin
			}
			top[key] = true
		}
	}
}

// Decoder is one that goes with the request. Those that json.Unmarshal takes from
// a pool keep the short strings that they decoded: values, keys and passwords would
// stay in memory. It reads data in place, as it does with no other reader.
func Decoder(data []byte) *jsontext.Decoder { return jsontext.NewDecoder(bytes.NewBuffer(data)) }

// Again puts dec back to the beginning of data. What it needs to follow a text it
// has then, so that decoding allocates only what it decodes.
func Again(dec *jsontext.Decoder, data []byte) { dec.Reset(bytes.NewBuffer(data)) }
