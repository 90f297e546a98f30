// Package translate says to Anthropic and to Google in their own dialects what a client
// asks in the shape of OpenAI's chat completions, and gives what they answer back in
// that shape.
//
// Its promise: nothing that a request says is left out without a word. What the provider
// has no counterpart for is refused with the field's place, never its value; the few
// hints that change nothing of what a model is told or may say are listed in
// docs/shroud.md. What a model thought, with its signatures, comes back to it in a loop
// of tools, and a stream says the same as the whole answer however its bytes arrive.
package translate

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// The providers whose dialects are known here.
const (
	Anthropic = "anthropic"
	Google    = "google"
)

// Known reports whether calls of the provider can be translated.
func Known(provider string) bool { return provider == Anthropic || provider == Google }

// Call is one call in the provider's dialect.
type Call struct {
	Path  string
	Query string
	Body  []byte
	Usage bool // a stream's reader asked for the usage

	to      string
	model   string
	created int64
}

// Error is a request that can't be said to the provider. Its text has the field's place.
type Error struct{ place, why string }

// Error implements error.
func (e *Error) Error() string { return e.place + ": " + e.why }

const (
	noCounterpart = " has no counterpart for this"
	wrongShape    = "this is not what OpenAI's chat completions have here"
)

// object is JSON that is written.
type object = map[string]any

// Request translates a request. now is when the answer will say that it was made.
func Request(provider string, body []byte, now time.Time) (*Call, error) {
	d, err := doc.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &reader{to: provider}
	a := r.read(d.Root())
	c := &Call{to: provider, model: a.model, created: now.Unix(), Usage: a.usage}
	var out object
	if r.err == nil {
		if provider == Anthropic {
			c.Path, out = "/v1/messages", r.anthropic(a)
		} else {
			c.Path, c.Query = "/v1beta/models/"+a.model+":generateContent", ""
			if a.stream {
				c.Path, c.Query = "/v1beta/models/"+a.model+":streamGenerateContent", "alt=sse"
			}
			out = r.google(a)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	c.Body = encode(out)
	return c, nil
}

// encode writes JSON of texts, numbers and values that were parsed.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what was parsed is JSON, and everything else too
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Refused is a provider's body of an error in OpenAI's shape.
func (c *Call) Refused(status int, body []byte) []byte {
	message, kind := "", ""
	if d, err := doc.Parse(body); err == nil {
		root := d.Root()
		for first := range root.Children() {
			if root.Is('[') { // Google's, where a stream was asked for
				root = first
			}
			break
		}
		message, kind = failure(root)
	}
	return encode(object{"error": fault(status, message, kind)})
}

// failure is what a provider says of an error.
func failure(n doc.Node) (message, kind string) {
	e := n.Get("error")
	kind = e.Get("type").Text()
	if kind == "" {
		kind = e.Get("status").Text()
	}
	return e.Get("message").Text(), kind
}

// fault is an error as OpenAI writes it. code is the provider's own word.
func fault(status int, message, code string) object {
	if message == "" {
		message = "The provider answered with status " + strconv.Itoa(status) + "."
	}
	kind := "invalid_request_error"
	switch {
	case status == 401:
		kind = "authentication_error"
	case status == 403:
		kind = "permission_error"
	case status == 429:
		kind = "rate_limit_error"
	case status >= 500:
		kind = "server_error"
	}
	out := object{"message": message, "type": kind, "param": nil, "code": nil}
	if code != "" {
		out["code"] = code
	}
	return out
}
