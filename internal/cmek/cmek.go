// Package cmek turns a value that a client encrypted under its own key into the
// same value under another key of the client.
//
// Its promise: it knows the two published forms of such a value and keeps the
// form it finds; a value that is under the new key already stays as it is, so a
// value is never encrypted twice however often it comes by; and no plaintext
// outlives the call. It stores nothing.
//
// Both forms hold nonce (12 bytes), ciphertext and tag (16 bytes) of AES-256-GCM
// without associated data. The TypeScript SDK puts the byte 1 before them and
// writes base64, the Go SDK writes plain hexadecimal.
package cmek

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
)

// KeySize is the length of a client's key in bytes.
const KeySize = 32

// Outcome says what Turn found.
type Outcome int

// The outcomes.
const (
	Neither Outcome = iota // no known form, or it opens with neither key
	Already                // it opens with the new key
	Turned                 // it opened with the old key and is under the new one now
)

const (
	version  = 1 // first byte of the base64 form
	overhead = 12 + 16
)

// Fingerprint is how a vault names a client's key: its SHA-256 in hexadecimal.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}

// Turn returns blob under the key next when it is under old. With every other
// Outcome it returns nil. It changes none of its arguments.
func Turn(blob, old, next []byte) (out []byte, found Outcome, err error) {
	erase.Do(func() { out, found, err = turn(blob, old, next) })
	return out, found, err
}

func turn(blob, old, next []byte) ([]byte, Outcome, error) {
	before, err := newAEAD(old)
	if err != nil {
		return nil, Neither, err
	}
	after, err := newAEAD(next)
	if err != nil {
		return nil, Neither, err
	}
	// The new key is tried first in every form: what opens with it is done.
	for _, f := range forms {
		body := f.decode(blob)
		if plain, ok := open(after, body); ok {
			clear(plain)
			return nil, Already, nil
		}
	}
	for _, f := range forms {
		plain, ok := open(before, f.decode(blob))
		if !ok {
			continue
		}
		sealed := after.Seal(nil, nil, plain, nil)
		clear(plain)
		return f.encode(sealed), Turned, nil
	}
	return nil, Neither, nil
}

func open(aead cipher.AEAD, body []byte) ([]byte, bool) {
	if len(body) < overhead {
		return nil, false
	}
	plain, err := aead.Open(nil, nil, body, nil)
	return plain, err == nil
}

// newAEAD takes and gives nonce, ciphertext and tag as one piece.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, aes.KeySizeError(len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// form is a way to write a blob. decode returns nil for what it is not.
type form struct {
	decode func([]byte) []byte
	encode func([]byte) []byte
}

var forms = []form{
	{decodeBase64(base64.StdEncoding), encodeBase64(base64.StdEncoding)},
	{decodeBase64(base64.RawStdEncoding), encodeBase64(base64.RawStdEncoding)},
	{decodeHex, encodeHex},
}

func decodeBase64(enc *base64.Encoding) func([]byte) []byte {
	enc = enc.Strict()
	return func(blob []byte) []byte {
		b := make([]byte, enc.DecodedLen(len(blob)))
		n, err := enc.Decode(b, blob)
		if err != nil || n == 0 || b[0] != version {
			return nil
		}
		return b[1:n]
	}
}

func encodeBase64(enc *base64.Encoding) func([]byte) []byte {
	return func(body []byte) []byte {
		return enc.AppendEncode(nil, append([]byte{version}, body...))
	}
}

func decodeHex(blob []byte) []byte {
	b := make([]byte, hex.DecodedLen(len(blob)))
	if n, err := hex.Decode(b, blob); err == nil {
		return b[:n]
	}
	return nil
}

func encodeHex(body []byte) []byte { return hex.AppendEncode(nil, body) }
