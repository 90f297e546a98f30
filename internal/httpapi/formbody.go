package httpapi

import (
	"bytes"
	"mime"
	"net/url"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const formType = "application/x-www-form-urlencoded"

// maxFormFields is more than any operation takes.
const maxFormFields = 32

var errForm = fault.New(fault.Invalid, "invalid_form", "The body is not a form: fields joined by &, escaped as UTF-8, each sent once.")

// isForm reports whether a body is a form by its type and its looks. curl -d says
// that of JSON too.
func isForm(contentType string, data []byte) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == formType && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
}

// formToJSON turns the form that OAuth clients send into the object that it
// stands for, and wipes it. From there on there is one way to read a request.
func formToJSON(data []byte) ([]byte, error) {
	defer clear(data)
	if bytes.Count(data, []byte("&")) >= maxFormFields {
		return nil, errForm
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, errForm
	}
	fields := make(map[string]string, len(values))
	for name, list := range values {
		if len(list) != 1 {
			return nil, errForm // which of them is meant?
		}
		if list[0] != "" { // as good as left out (RFC 6749, section 3.2)
			fields[name] = list[0]
		}
	}
	out, err := json.Marshal(fields, json.Deterministic(true))
	if err != nil {
		return nil, errForm
	}
	return out, nil
}
