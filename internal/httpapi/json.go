package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
)

// maxDepth bounds the nesting of request bodies.
const maxDepth = 32

// maxTokens bounds what a body is made of: as decoded, each key or value takes
// many times its size on the wire. The largest lists and objects that any
// operation takes have fewer together.
const maxTokens = 50_000

// badJSON says why a body can't be read, in a fixed text.
type badJSON struct{ what string }

func (e *badJSON) Error() string { return e.what }

var (
	errNotJSON   = &badJSON{"The body is not valid JSON in UTF-8."}
	errTooDeep   = &badJSON{"The body is nested too deeply."}
	errTooMany   = &badJSON{"The body has too many keys and values."}
	errDuplicate = &badJSON{"An object in the body has the same key twice."}
	errTwin      = &badJSON{"The body has a key in two spellings that differ only in case."}
)

// jsonFault returns the fault with that text. huma passes on texts only.
func jsonFault(text string) *badJSON {
	for _, e := range []*badJSON{errNotJSON, errTooDeep, errTooMany, errDuplicate, errTwin} {
		if e.what == text {
			return e
		}
	}
	return nil
}

// checkJSON reads the body's tokens once, without building anything: syntax,
// UTF-8, depth, number, duplicate keys anywhere, and keys of the outermost object that
// differ only in case. Two parsers could read such a body in two ways.
func checkJSON(data []byte) error {
	dec := decoder(data)
	top := map[string]bool{}
	for n := 0; ; n++ {
		depth := dec.StackDepth()
		isKey := false
		if depth == 1 {
			kind, length := dec.StackIndex(1)
			isKey = kind == '{' && length%2 == 0
		}
		tok, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return nil
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errDuplicate
		case err != nil:
			return errNotJSON
		case dec.StackDepth() > maxDepth:
			return errTooDeep
		case n == maxTokens:
			return errTooMany
		}
		if isKey && tok.Kind() == '"' {
			key := strings.ToLower(tok.String())
			if top[key] {
				return errTwin
			}
			top[key] = true
		}
	}
}

// decoder is one that goes with the request. Those that json.Unmarshal takes from
// a pool keep the short strings that they decoded: values, keys and passwords would
// stay in memory. It reads data in place, as it does with no other reader.
func decoder(data []byte) *jsontext.Decoder { return jsontext.NewDecoder(bytes.NewBuffer(data)) }

// longText is more than any schema takes but that of a value, which takes any.
const longText = 16 << 10

// shortened decodes what is only validated. A long text is as good as its
// beginning there, and need not be copied whole.
var shortened = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *any) error {
	if dec.PeekKind() != '"' {
		return errors.ErrUnsupported // decode as ever
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if len(raw) > 6*longText { // of which each character has six bytes at most
		*v = strings.Repeat("x", longText)
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	*v = string(text)
	return err
}))

// appender is a response that encodes itself into a buffer which is wiped after
// it was sent: those that hold a secret, and those that are sent most.
type appender interface {
	appendJSON([]byte) []byte
}

// streamer is a response that writes itself piece by piece. An error cuts the
// connection: half an answer must not look whole.
type streamer interface {
	writeJSON(w io.Writer) error
}

// format reads requests strictly and writes responses.
func format(held *bodies) huma.Format {
	buffers := &sync.Pool{New: func() any { return new([]byte) }}
	return huma.Format{
		Unmarshal: func(ticket []byte, v any) error {
			data := held.of(ticket)
			var opts []json.Options
			if _, first := v.(*any); first { // huma decodes once to validate, once into the type
				if err := checkJSON(data); err != nil {
					return err
				}
				if len(data) > smallBody {
					opts = append(opts, shortened)
				}
			}
			var err error
			dec := decoder(data) // holds no text itself, so it need not be erased
			erase.Do(func() {
				if err = json.UnmarshalDecode(dec, v, opts...); err == nil {
					_, err = dec.ReadToken() // there must be nothing more
				}
			})
			if !errors.Is(err, io.EOF) {
				return errNotJSON
			}
			return nil
		},
		Marshal: func(w io.Writer, v any) error {
			if s, ok := v.(streamer); ok {
				return s.writeJSON(w)
			}
			a, ok := v.(appender)
			if !ok {
				return json.MarshalWrite(w, v)
			}
			buf := buffers.Get().(*[]byte)
			var b []byte
			erase.Do(func() { b = a.appendJSON((*buf)[:0]) })
			_, err := w.Write(b)
			clear(b)
			if cap(b) <= 64<<10 {
				*buf = b[:0]
				buffers.Put(buf)
			}
			return err
		},
	}
}
