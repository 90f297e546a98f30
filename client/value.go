package client

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[REDACTED]"

// Value is a secret value: a stored secret, a password, a key or a token. fmt,
// slog, JSON and gob show "[REDACTED]" in its place at any depth; only Reveal
// gives the bytes out. The zero Value is empty. The bytes sit behind a func
// because fmt prints a func as an address even in an unexported field.
type Value struct{ reveal func() []byte }

// NewValue takes ownership of b: the caller must not keep or change it.
func NewValue(b []byte) Value { return Value{reveal: func() []byte { return b }} }

// ValueOf is NewValue for a string.
func ValueOf(s string) Value { return NewValue([]byte(s)) }

// Reveal returns the bytes themselves, not a copy.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Len is the number of bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Wipe overwrites the bytes, of every copy of v, with zeros.
func (v Value) Wipe() { clear(v.Reveal()) }

// String returns a fixed text.
func (Value) String() string { return redacted }

// GoString returns a fixed text.
func (Value) GoString() string { return redacted }

// Format writes a fixed text for every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns a fixed text.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a fixed text; JSON and XML use it. Requests that must
// carry the value reveal it themselves.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode fails: a secret is never serialised by accident.
func (Value) GobEncode() ([]byte, error) { return nil, errors.New("client: refusing to encode") }

// GobDecode fails, as GobEncode does.
func (*Value) GobDecode([]byte) error { return errors.New("client: refusing to decode") }

// UnmarshalJSON fills v with what a JSON string means, and leaves no other copy of it;
// decoding a reply uses it.
func (v *Value) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	b, ok := unquoted(text)
	if !ok {
		return errors.New("client: a value must be a string")
	}
	*v = NewValue(b)
	return nil
}

// UnmarshalText fills v with a copy of t.
func (v *Value) UnmarshalText(t []byte) error {
	*v = NewValue(append([]byte(nil), t...))
	return nil
}
