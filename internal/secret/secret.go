// Package secret holds a value that does not print.
//
// Its promise: fmt with any verb, slog, JSON, XML, gob and templates show
// "[REDACTED]" at any depth of nesting. Only Reveal gives the bytes out, so the
// places where a secret is used can be found by searching for that word.
package secret

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[REDACTED]"

// Bytes is a secret value. The zero value is an empty secret. Copies share the
// same memory: Wipe on one wipes them all. The bytes sit behind a func since
// fmt prints a func as an address, also in unexported fields where it can not
// call String, and since == on it does not compile.
type Bytes struct{ reveal func() []byte }

// New takes ownership of b: the caller must not keep or change it.
func New(b []byte) Bytes { return Bytes{reveal: func() []byte { return b }} }

// FromString copies s. The string itself can't be wiped: prefer New.
func FromString(s string) Bytes { return New([]byte(s)) }

// Reveal returns the bytes themselves, not a copy.
func (b Bytes) Reveal() []byte {
	if b.reveal == nil {
		return nil
	}
	return b.reveal()
}

// Len is the number of bytes.
func (b Bytes) Len() int { return len(b.Reveal()) }

// Wipe overwrites the bytes with zeros.
func (b Bytes) Wipe() { clear(b.Reveal()) }

// String returns a fixed text.
func (Bytes) String() string { return redacted }

// GoString returns a fixed text.
func (Bytes) GoString() string { return redacted }

// Format writes a fixed text for every verb.
func (Bytes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns a fixed text.
func (Bytes) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a fixed text; JSON and XML use it.
func (Bytes) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode fails: a secret is never serialised by accident.
func (Bytes) GobEncode() ([]byte, error) {
	return nil, errors.New("secret: refusing to encode")
}

// GobDecode fails, as GobEncode does.
func (*Bytes) GobDecode([]byte) error { return errors.New("secret: refusing to decode") }

// UnmarshalText fills b, so that configuration can be read into it.
func (b *Bytes) UnmarshalText(t []byte) error {
	*b = New(append([]byte(nil), t...))
	return nil
}
