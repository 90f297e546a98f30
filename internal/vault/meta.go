package vault

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Meta is a version of a secret without its value.
type Meta struct {
	ID        string // UUID of this version
	Path      string
	Type      string
	Version   uint64
	Metadata  []byte // JSON object
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	DeletedAt time.Time // zero: live

	// Doubt says what the value of a version that was just written is not good for. It is not stored.
	Doubt string

	// Encoded is what AppendJSON appends, where a store keeps rows in memory.
	// Nobody may change it.
	Encoded []byte
}

// AppendJSON appends the secret's description as every surface shows it:
// SecretMeta of the contract, section 4.
func (m *Meta) AppendJSON(b []byte) []byte {
	if m.Encoded != nil {
		return append(b, m.Encoded...)
	}
	b = AppendString(append(b, `{"id":`...), m.ID)
	b = AppendString(append(b, `,"path":`...), m.Path)
	b = AppendString(append(b, `,"type":`...), m.Type)
	b = strconv.AppendUint(append(b, `,"version":`...), m.Version, 10)
	b = AppendObject(append(b, `,"metadata":`...), m.Metadata)
	b = appendTime(append(b, `,"created_at":`...), m.CreatedAt)
	b = append(b, `,"expires_at":`...)
	if m.ExpiresAt.IsZero() {
		return append(b, "null}"...)
	}
	return append(appendTime(b, m.ExpiresAt), '}')
}

// AppendObject appends a stored JSON object, or null when damage has made it no JSON: the
// answer around it stays one.
func AppendObject(b, object []byte) []byte {
	switch {
	case len(object) == 0:
		return append(b, "{}"...)
	case !isJSON(object):
		return append(b, "null"...)
	}
	return append(b, object...)
}

func isJSON(b []byte) bool { return string(b) == "{}" || jsontext.Value(b).IsValid() }

// appendTime appends t as a JSON string, RFC 3339 in UTC.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// AppendString appends s as a JSON string. Bad UTF-8 is replaced: none gets past
// the decoder of requests.
func AppendString[T string | []byte](b []byte, s T) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil && len(out) <= len(b) {
		return append(b, '"', '"')
	}
	return out
}
