package rest

import (
	"io"
	"net/http"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
)

// Appender is a body that encodes itself into a buffer which is wiped after it was sent: those
// that hold a secret, and those that are sent most.
type Appender interface {
	AppendJSON([]byte) []byte
}

// Lengthy is an Appender that knows how long it will be, about, when it is long.
type Lengthy interface{ Length() int }

// Streamer is a body that writes itself piece by piece.
type Streamer interface {
	WriteJSON(w io.Writer) error
}

// answerPlan is where an output has what is sent.
type answerPlan struct {
	status     int
	statusAt   []int // nil: always the same
	bodyAt     []int // nil: none
	bodyIsHeld bool  // behind a pointer
	headers    []headerAt
}

type headerAt struct {
	name string
	at   []int
}

// Answer sends what the operation returned. Whoever gets an error has to cut the connection: half
// an answer must not look whole.
func (o *Operation[I, O]) Answer(w http.ResponseWriter, out *O) error {
	v, h, p := reflect.ValueOf(out).Elem(), w.Header(), &o.out
	if p.bodyAt != nil {
		h.Set("Content-Type", JSON)
	}
	for i := range p.headers {
		if text := v.FieldByIndex(p.headers[i].at).String(); text != "" {
			h.Set(p.headers[i].name, text)
		}
	}
	status := p.status
	if p.statusAt != nil {
		status = int(v.FieldByIndex(p.statusAt).Int())
	}
	w.WriteHeader(status)
	if p.bodyAt == nil {
		return nil
	}
	body := v.FieldByIndex(p.bodyAt)
	if !p.bodyIsHeld {
		body = body.Addr()
	}
	return o.doc.write(w, body.Interface())
}

// Marshal encodes what is answered. SQLite stores any bytes as a text: one that is no UTF-8, which
// only damage makes, is shown with U+FFFD in their place, and breaks nothing else.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, jsontext.AllowInvalidUTF8(true)) }

func (d *Document) write(w io.Writer, v any) error {
	if s, ok := v.(Streamer); ok {
		return s.WriteJSON(w)
	}
	a, ok := v.(Appender)
	if !ok {
		return json.MarshalWrite(w, v, jsontext.AllowInvalidUTF8(true))
	}
	buf := d.buffers.Get().(*[]byte)
	into := (*buf)[:0]
	if l, ok := v.(Lengthy); ok && l.Length() > cap(into) {
		into = make([]byte, 0, l.Length()) // growing would leave pieces of the value behind
	}
	var b []byte
	erase.Do(func() { b = a.AppendJSON(into) })
	_, err := w.Write(b)
	clear(b)
	if cap(b) <= 64<<10 {
		*buf = b[:0]
		d.buffers.Put(buf)
	}
	return err
}
