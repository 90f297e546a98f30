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

// Check reads the tokens of data once, without building anything: syntax, UTF-8,
// depth, number, that there is one value and no more text, duplicate keys anywhere,
// and keys of the outermost object that differ only in case. Two parsers could read
// such a text in two ways.
func Check(data []byte, maxDepth int) error {
	for r := NewReader(Decoder(data), maxDepth); ; {
		if kind, _, err := r.Next(); err != nil || kind == End {
			return err
		}
	}
}

// End is the kind of what comes after the last token.
const End = jsontext.KindInvalid

// Reader gives the tokens that Check looks at, to whoever asks more of them.
type Reader struct {
	dec      *jsontext.Decoder
	maxDepth int
	n        int
	top      map[string]bool // keys of the outermost object, in lower case
	scratch  []byte
}

// NewReader returns a reader of what is in dec.
func NewReader(dec *jsontext.Decoder, maxDepth int) *Reader {
	return &Reader{dec: dec, maxDepth: maxDepth, top: map[string]bool{}}
}

// Next returns the next token, of a text or number also how it is written, which is
// good until Next is called again.
func (r *Reader) Next() (kind jsontext.Kind, raw jsontext.Value, err error) {
	depth := r.dec.StackDepth()
	if r.n > 0 && depth == 0 {
		if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
			return End, nil, ErrNotJSON
		}
		return End, nil, nil
	}
	isKey := false
	if depth == 1 {
		in, length := r.dec.StackIndex(1)
		isKey = in == '{' && length%2 == 0
	}
	if kind = r.dec.PeekKind(); kind == '"' || kind == '0' {
		raw, err = r.dec.ReadValue()
	} else {
		_, err = r.dec.ReadToken()
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return End, nil, ErrDuplicate
	case err != nil:
		return End, nil, ErrNotJSON
	case r.dec.StackDepth() > r.maxDepth:
		return End, nil, ErrTooDeep
	case r.n == MaxTokens:
		return End, nil, ErrTooMany
	}
	r.n++
	if isKey && kind == '"' {
		key := strings.ToLower(string(r.Text(raw)))
		if r.top[key] {
			return End, nil, ErrTwin
		}
		r.top[key] = true
	}
	return kind, raw, nil
}

// Text is what a text that Next returned says. It stays in place where nothing in it is
// escaped, and is good until Next or Text is called again.
func (r *Reader) Text(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	if cap(r.scratch) < len(raw) {
		r.Wipe()
		r.scratch = make([]byte, 0, len(raw)) // growing on the way would leave pieces behind
	}
	r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], raw) // it was read, so it is well formed
	return r.scratch
}

// Wipe overwrites what Text has unescaped.
func (r *Reader) Wipe() { clear(r.scratch[:cap(r.scratch)]) }

// Decoder is one that goes with the request. Those that json.Unmarshal takes from
// a pool keep the short strings that they decoded: values, keys and passwords would
// stay in memory. It reads data in place, as it does with no other reader.
func Decoder(data []byte) *jsontext.Decoder { return jsontext.NewDecoder(bytes.NewBuffer(data)) }

// Again puts dec back to the beginning of data. What it needs to follow a text it
// has then, so that decoding allocates only what it decodes.
func Again(dec *jsontext.Decoder, data []byte) { dec.Reset(bytes.NewBuffer(data)) }
