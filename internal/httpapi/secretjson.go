package httpapi

import (
	"context"
	"encoding/base64"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oneclaw-dev/oneclaw/internal/rest"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// jsonObject is a JSON object that is kept as it was sent.
type jsonObject jsontext.Value

// Schema implements huma.SchemaProvider.
func (jsonObject) Schema(rest.Registry) *rest.Schema {
	return &rest.Schema{Type: rest.TypeObject, Nullable: true, AdditionalProperties: true}
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *jsonObject) UnmarshalJSON(b []byte) error {
	*o = append((*o)[:0], b...)
	return nil
}

// MarshalJSON implements json.Marshaler. It is null when damage has made it no JSON,
// so that the answer around it stays one.
func (o jsonObject) MarshalJSON() ([]byte, error) {
	return vault.AppendObject(nil, o), nil
}

// SecretMeta is SecretMeta of the contract, section 4. Strict: no field more.
// The fields are for the OpenAPI document, and the name is exported since schemas are
// made of embedded structs only then; the domain's encoding is what is sent.
type SecretMeta struct {
	ID        string     `json:"id" format:"uuid" doc:"Of this version."`
	Path      string     `json:"path"`
	Type      string     `json:"type"`
	Version   uint64     `json:"version" doc:"1 for the first, one more with each write."`
	Metadata  jsonObject `json:"metadata"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at" nullable:"true"`

	from *vault.Meta
}

func metaOf(m *vault.Meta) *SecretMeta { return &SecretMeta{from: m} }

// AppendJSON implements rest.Appender.
func (m *SecretMeta) AppendJSON(b []byte) []byte { return m.from.AppendJSON(b) }

// secretBody is Secret of the contract, section 4. Strict: no field more.
type secretBody struct {
	SecretMeta
	Value         secretValue `json:"value"`
	CreatedBy     string      `json:"created_by" doc:"user:<uuid>, agent:<uuid>, or binding:<uuid> of a refresh token that was replaced"`
	CMEKEncrypted bool        `json:"cmek_encrypted"`
}

// secretValue is a string on the wire that does not print anywhere else.
type secretValue struct{ secret.Bytes }

// Schema implements huma.SchemaProvider.
func (secretValue) Schema(rest.Registry) *rest.Schema { return &rest.Schema{Type: rest.TypeString} }

func secretOf(s vault.Secret) *secretBody {
	return &secretBody{SecretMeta: *metaOf(&s.Meta), Value: secretValue{s.Value}, CreatedBy: s.CreatedBy, CMEKEncrypted: s.CMEK}
}

// Length implements rest.Lengthy.
func (s *secretBody) Length() int { return s.Value.Length() }

// Length is that of an answer with the value, or 0 when it is short.
func (v secretValue) Length() int {
	b := v.Reveal()
	if len(b) < budget.Chunk {
		return 0
	}
	n := len(b) + 4<<10
	for _, c := range b {
		if c < ' ' || c == '"' || c == '\\' {
			n++ // what takes more than one character more is rare
		}
	}
	return n
}

// AppendJSON appends the secret and wipes its value: it is sent once.
func (s *secretBody) AppendJSON(b []byte) []byte {
	b = s.from.AppendJSON(b)
	b = appendQuoted(append(b[:len(b)-1], `,"value":`...), s.Value.Reveal())
	s.Value.Wipe()
	s.Value = secretValue{} // a long one is not held while the answer is sent
	b = appendQuoted(append(b, `,"created_by":`...), s.CreatedBy)
	b = strconv.AppendBool(append(b, `,"cmek_encrypted":`...), s.CMEKEncrypted)
	return append(b, '}')
}

// secretList is a listing. It is sent page by page as it is read.
type secretList struct {
	Secrets    []SecretMeta `json:"secrets"`
	NextCursor *string      `json:"next_cursor,omitempty" doc:"Where to go on; absent at the end."`

	ctx     context.Context //nolint:containedctx // of the request, whose answer this is
	listing *vault.Listing
	first   []*vault.Meta
}

func (l *secretList) WriteJSON(w io.Writer) error {
	b := append(make([]byte, 0, 64+len(l.first)*320), `{"secrets":[`...)
	comma := false
	for page := l.first; len(page) > 0; {
		for _, m := range page {
			if comma {
				b = append(b, ',')
			}
			comma = true
			b = m.AppendJSON(b)
		}
		if len(b) > 256<<10 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
		var err error
		if page, err = l.listing.Page(l.ctx); err != nil {
			return err
		}
	}
	b = append(b, ']')
	if c := l.listing.Cursor(); c != "" {
		b = appendQuoted(append(b, `,"next_cursor":`...), base64.RawURLEncoding.EncodeToString([]byte(c)))
	}
	_, err := w.Write(append(b, '}'))
	return err
}

// parseCursor reads what WriteJSON gave out: the last path of a page. It is
// opaque to clients, and any text is a fair place to go on from: a path that damage made
// none must not end a listing.
func parseCursor(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	// The decoder passes over line ends and spare bits: one text has one spelling.
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s || len(b) > secretpath.MaxBytes {
		return "", fault.New(fault.Invalid, "invalid_cursor", "cursor must be the next_cursor of an earlier page.")
	}
	return string(b), nil
}
