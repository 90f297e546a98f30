package broker

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var (
	errBody    = fault.New(fault.Invalid, "invalid_body", "The body of a request has at most 5 MiB, and JSON where Content-Type says so.")
	errBodyRef = fault.New(fault.Invalid, "reference_not_allowed",
		"A body with a reference to a secret is JSON or a form, and the reference stands in one of its string values.")
)

// readBody finds the references in a body. A body without any is sent byte for byte.
func (d *draft) readBody(r *Request) error {
	d.body = r.Body
	if len(r.Body) > MaxBody {
		return errBody
	}
	if len(r.Body) > 0 && (r.Method == "GET" || r.Method == "HEAD") {
		return errBody
	}
	kind, _, _ := mime.ParseMediaType(d.header.Get("Content-Type"))
	if r.JSON && kind == "" {
		d.header.Set("Content-Type", "application/json")
		kind = "application/json"
	}
	return d.readRefs(kind)
}

// readRefs finds the references in a body of a kind, in what its JSON or form means and not in how
// that is written. One that is neither and has no reference in the clear is sent as it is: nothing
// is put into it.
func (d *draft) readRefs(kind string) (err error) {
	form := kind == "application/x-www-form-urlencoded"
	inClear, escaped := has(string(d.body)), bytes.IndexByte(d.body, '\\') >= 0
	switch {
	case form:
		escaped = bytes.IndexByte(d.body, '%') >= 0
	case !bodyKind(kind):
		escaped = bytes.Contains(d.body, []byte(`oneclaw:\/`))
	}
	if !inClear && !escaped {
		return nil
	}
	before := len(d.slots)
	switch {
	case form:
		err = d.readForm()
	case bodyKind(kind):
		err = d.readJSON()
	default:
		return errBodyRef
	}
	if errors.Is(err, errBody) && !inClear && len(d.slots) == before {
		return nil
	}
	return err
}

// readJSON notes the strings of a body that hold a reference, by their pointers.
func (d *draft) readJSON() error {
	dec := jsontext.NewDecoder(bytes.NewReader(d.body))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errBody
		}
		if dec.StackDepth() == 0 && dec.PeekKind() != 0 {
			return errBody // a second value, which few readers see
		}
		if tok.Kind() != '"' {
			continue
		}
		text := tok.String()
		if !has(text) {
			continue
		}
		if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n%2 == 1 {
			return errRefPlace // a name
		}
		before := len(d.slots)
		end := int(dec.InputOffset())
		if err := d.slot(binding.Place("body:"+string(dec.StackPointer())), text); err != nil {
			return err
		}
		s := &d.slots[before]
		s.to = end
		if s.from, err = startOf(d.body, end); err != nil {
			return err
		}
	}
}

// startOf is where the string begins that ends before a place.
func startOf(body []byte, end int) (int, error) {
	for at := end - 2; at >= 0; at-- {
		if body[at] != '"' {
			continue
		}
		slashes := 0
		for at-slashes-1 >= 0 && body[at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at, nil
		}
	}
	return 0, errBody
}

func (d *draft) readForm() error {
	before := len(d.slots)
	form, err := url.ParseQuery(string(d.body))
	if err != nil {
		return errBody
	}
	for name, values := range form {
		if has(name) {
			return errRefPlace
		}
		for _, v := range values {
			if !has(v) {
				continue
			}
			if len(values) > 1 {
				return errBodyRef
			}
			if err := d.slot(binding.Place("body:/"+name), v); err != nil {
				return err
			}
		}
	}
	if len(d.slots) > before {
		d.form = form
	}
	return nil
}
