package httpapi

import (
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// maxDepth bounds the nesting of request bodies.
const maxDepth = 32

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

// marshal encodes what is answered. SQLite stores any bytes as a text: one that is no
// UTF-8, which only damage makes, is shown with U+FFFD in their place, and breaks nothing else.
func marshal(v any) ([]byte, error) { return json.Marshal(v, jsontext.AllowInvalidUTF8(true)) }

// appender is a response that encodes itself into a buffer which is wiped after
// it was sent: those that hold a secret, and those that are sent most.
type appender interface {
	appendJSON([]byte) []byte
}

// lengthy is an appender that knows how long it will be, about, when it is long.
type lengthy interface{ length() int }

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
			b := held.of(ticket)
			if b.dec == nil {
				return strictjson.ErrNotJSON
			}
			var opts []json.Options
			if _, first := v.(*any); first { // huma decodes once to validate, once into the type
				if err := strictjson.CheckWith(b.dec, maxDepth); err != nil {
					return err
				}
				if len(b.data) > gate.SmallBody {
					opts = append(opts, shortened)
				}
			}
			var err error
			strictjson.Again(b.dec, b.data)
			erase.Do(func() {
				if err = json.UnmarshalDecode(b.dec, v, opts...); err == nil {
					_, err = b.dec.ReadToken() // there must be nothing more
				}
			})
			if !errors.Is(err, io.EOF) {
				return strictjson.ErrNotJSON
			}
			return nil
		},
		Marshal: func(w io.Writer, v any) error {
			if s, ok := v.(streamer); ok {
				return s.writeJSON(w)
			}
			a, ok := v.(appender)
			if !ok {
				return json.MarshalWrite(w, v, jsontext.AllowInvalidUTF8(true))
			}
			buf := buffers.Get().(*[]byte)
			into := (*buf)[:0]
			if l, ok := v.(lengthy); ok && l.length() > cap(into) {
				into = make([]byte, 0, l.length()) // growing would leave pieces of the value behind
			}
			var b []byte
			erase.Do(func() { b = a.appendJSON(into) })
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
