package vault

import (
	"context"
	"crypto/rand"
	"io"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Charset names the characters that a generated value is made of.
type Charset string

// The charsets. The zero value stands for Alphanumeric.
const (
	Hex          Charset = "hex"
	Base64       Charset = "base64" // its alphabet, RFC 4648 section 4, without padding
	Alphanumeric Charset = "alphanumeric"
	ASCII        Charset = "ascii" // all that print, but the blank
)

// How long a generated value may be, in characters. The shortest has 64 bits in hex.
const (
	MinGenerated     = 16
	MaxGenerated     = 4096
	defaultGenerated = 32
)

// Recipe says what a generated value looks like.
type Recipe struct {
	Length  int // in characters; 0 is 32
	Charset Charset
	Type    string // empty: the stored type
}

// generable are the types whose value may be any text.
var generable = []string{"generic", "password", "api_key", "token"}

var (
	errCharset = fault.New(fault.Invalid, "invalid_charset", "charset must be hex, base64, alphanumeric or ascii.")
	errLength  = fault.New(fault.Invalid, "invalid_length", "length must be between 16 and 4096 characters.")
	errMade    = fault.New(fault.Invalid, "type_not_generated",
		"A value is generated for the types generic, password, api_key and token alone. Write the new value of others yourself.")
	errMadeCMEK = fault.New(fault.Invalid, "cmek_not_generated",
		"Clients encrypt what this vault holds with a key of theirs, so the server can't make a value for it. Write the new value yourself.")
)

// Rotate stores a new version of a secret with a value that is generated here and shown
// to nobody: who may read the path reads it. Metadata, rotation policy, the limit of reads
// and an expiry that is still to come are kept. NotFound when there is no secret at the path,
// Gone when it is deleted.
func (s *Service) Rotate(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, r Recipe) (Meta, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return Meta{}, err
	}
	ad, err := s.admit(ctx, c, policy.RotateSecret, e, resource(e, p))
	if err != nil {
		return Meta{}, err
	}
	d, err := s.renewed(ctx, c, e, p, r)
	if err != nil {
		return Meta{}, err
	}
	defer d.Value.Wipe()
	var m Meta
	err = ad.record(c, func(ev *audit.Event) (err error) {
		m, err = s.write(ctx, c, &e.vault, p, d, ev)
		return err
	})
	return m, err
}

// renewed is what a rotation writes.
func (s *Service) renewed(ctx context.Context, c *call.Call, e *entry, p secretpath.Path, r Recipe) (Draft, error) {
	if e.vault.CMEKFingerprint != "" {
		return Draft{}, errMadeCMEK
	}
	all, err := s.store.Versions(ctx, e.vault.ID, p.String())
	if err != nil {
		return Draft{}, err
	}
	if len(all) == 0 {
		return Draft{}, errNoSecret
	}
	was := &all[0]
	if !was.DeletedAt.IsZero() && was.DisabledAt.IsZero() {
		return Draft{}, ErrGone
	}
	d := Draft{generated: true, Type: r.Type, Metadata: was.Metadata, RotationPolicy: was.RotationPolicy, MaxAccess: was.MaxAccess}
	if d.Type == "" {
		d.Type = was.Type
	}
	if !slices.Contains(generable, d.Type) || !slices.Contains(generable, was.Type) {
		return Draft{}, errMade
	}
	if was.ExpiresAt.After(c.Now) {
		d.ExpiresAt = was.ExpiresAt
	}
	if d.Value, err = r.Value(rand.Reader); err != nil {
		return Draft{}, err
	}
	return d, d.check(time.Time{})
}

// Value makes one from randomness, of characters that are equally likely: bytes beyond the last whole
// multiple of the charset are left out, as a remainder would prefer its first characters.
func (r Recipe) Value(from io.Reader) (secret.Bytes, error) {
	chars, err := r.Charset.Chars()
	if err != nil {
		return secret.Bytes{}, err
	}
	n := r.Length
	if n == 0 {
		n = defaultGenerated
	}
	if n < MinGenerated || n > MaxGenerated {
		return secret.Bytes{}, errLength
	}
	fair := 256 - 256%len(chars)
	out, in := make([]byte, 0, n), make([]byte, n)
	defer clear(in)
	for len(out) < n {
		if _, err := io.ReadFull(from, in); err != nil {
			clear(out)
			return secret.Bytes{}, err
		}
		for _, b := range in {
			if int(b) < fair && len(out) < n {
				out = append(out, chars[int(b)%len(chars)])
			}
		}
	}
	return secret.New(out), nil
}

// Chars are the characters of the charset.
func (s Charset) Chars() (string, error) {
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	switch s {
	case Hex:
		return digits + "abcdef", nil
	case Base64:
		return upper + lower + digits + "+/", nil
	case Alphanumeric, "":
		return upper + lower + digits, nil
	case ASCII:
		return upper + lower + digits + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", nil
	}
	return "", errCharset
}
