package convo

import (
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Plain is how bodies are read that no dialect is known of: each text, key and long number of
// JSON, or all of what is no JSON, as the words of nobody who is trusted. It has no streams:
// where a text goes on from event to event is a dialect's to know.
type Plain struct{}

// Request implements Dialect.
func (Plain) Request(body []byte, _ string) (*Request, error) {
	w, root, err := anything(body)
	if err != nil {
		return nil, err
	}
	r := &Request{View: *w.View}
	w.asks(r)
	if root.Is('{') {
		r.Model = root.Get("model").Text()
	}
	w.free(User, Text, root)
	r.elsewhere(w, root)
	return r, w.err
}

// Answer implements Dialect.
func (Plain) Answer(body []byte) (*Answer, error) {
	w, root, err := anything(body)
	if err != nil {
		return nil, err
	}
	a := &Answer{View: *w.View}
	w.View = &a.View
	w.free(Assistant, Text, root)
	return a, w.err
}

// anything parses JSON, or takes a text as one value. What is no text at all is refused.
func anything(body []byte) (*walker, doc.Node, error) {
	quoted := false
	d, err := doc.Parse(body)
	if err != nil {
		if !utf8.Valid(body) {
			return nil, doc.Node{}, ErrShape
		}
		quoted = true
		if d, err = doc.Parse(doc.Quote(nil, string(body))); err != nil {
			return nil, doc.Node{}, err
		}
	}
	return &walker{View: &View{doc: d, quoted: quoted}}, d.Root(), nil
}

// Event implements Dialect.
func (Plain) Event(string, []byte) (*Event, error) { return nil, ErrShape }

// Piece implements Dialect.
func (Plain) Piece([]byte, string, string) *Raw { return &Raw{} }

// Broken implements Dialect.
func (Plain) Broken(message string) *Raw {
	out := append([]byte(`{"error":{"code":502,"type":"shroud_error","message":`), doc.Quote(nil, message)...)
	return &Raw{Data: append(out, `}}`...)}
}
