package convo

import (
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// limits are where a dialect says how long an answer may be.
func limitOf(d Dialect) (in, name string) {
	switch d.(type) {
	case Responses:
		return "", "max_output_tokens"
	case Gemini:
		return "generationConfig", "maxOutputTokens"
	}
	return "", "max_tokens"
}

// Bounded is a request that does not say how long its answer may be, with so many tokens. OpenAI's
// newer models take no max_tokens in a chat, and others that speak as it does nothing else: newer
// says which it is.
func Bounded(d Dialect, body []byte, tokens int64, newer bool) ([]byte, error) {
	in, name := limitOf(d)
	if _, chat := d.(Chat); chat && newer {
		name = "max_completion_tokens"
	}
	return with(body, in, name, strconv.AppendInt(nil, tokens, 10))
}

// Of is a request to another model.
func Of(body []byte, model string) ([]byte, error) {
	d, err := doc.Parse(body)
	if err != nil {
		return nil, err
	}
	return d.Rewrite([]doc.Edit{{At: d.Root().Get("model"), Text: model}}), nil
}

// Billed is a request for a stream of Chat's that asks for what it bills. ok is false where
// the request says itself whether it does, and in other dialects, which always tell.
func Billed(d Dialect, body []byte) (out []byte, ok bool, err error) {
	if _, chat := d.(Chat); !chat {
		return body, false, nil
	}
	in, err := doc.Parse(body)
	if err != nil || in.Root().Get("stream_options").There() {
		return body, false, err
	}
	return in.With(in.Root(), "stream_options", []byte(`{"include_usage":true}`)), true, nil
}

func with(body []byte, in, name string, raw []byte) ([]byte, error) {
	d, err := doc.Parse(body)
	if err != nil {
		return nil, err
	}
	at := d.Root()
	if in != "" {
		switch under := at.Get(in); {
		case under.Is('{'):
			at = under
		case under.Is('n'):
			raw = append(append(append([]byte{'{'}, append(doc.Quote(nil, name), ':')...), raw...), '}')
			name = in
		case under.There():
			return nil, ErrShape
		default:
			raw = append(append(append([]byte{'{'}, append(doc.Quote(nil, name), ':')...), raw...), '}')
			name = in
		}
	}
	if null := at.Get(name); null.There() { // a second key would be read by some, and not by others
		return d.Rewrite([]doc.Edit{{At: null, Raw: raw}}), nil
	}
	return d.With(at, name, raw), nil
}
