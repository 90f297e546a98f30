package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

// SecretMeta describes one version of a secret, without its value.
type SecretMeta struct {
	ID        string          `json:"id"`
	Path      string          `json:"path"`
	Type      string          `json:"type"`
	Version   int64           `json:"version"`
	Metadata  json.RawMessage `json:"metadata,omitempty"` // a JSON object
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty"`
	// Warning says what the value of a new version is not good for, such as an ssh_key with a passphrase.
	Warning string `json:"-"`
}

// Secret is one version of a secret with its value. CreatedBy is "user:ID" or
// "agent:ID".
type Secret struct {
	SecretMeta
	Value         Value  `json:"value"`
	CreatedBy     string `json:"created_by"`
	CMEKEncrypted bool   `json:"cmek_encrypted,omitempty"`
}

// PutOptions are the optional parts of a secret. An empty Type keeps the type that
// the path has, or is "generic" for a new one. MaxAccessCount 0 means no limit.
type PutOptions struct {
	Type           string
	Metadata       json.RawMessage
	RotationPolicy json.RawMessage
	ExpiresAt      *time.Time
	MaxAccessCount int64
}

// PutSecret writes a new version. The value must be UTF-8, since JSON carries
// nothing else unchanged: encode binary values, with base64 for example.
func (c *Client) PutSecret(ctx context.Context, vault, path string, value Value, o PutOptions) (*SecretMeta, error) {
	p, err := under(path, "vaults", vault, "secrets")
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(value.Reveal()) {
		return nil, refuse(CodeInvalidValue, "The value is not UTF-8 text; encode it first, with base64 for example.")
	}
	rest, err := encode(struct {
		Type           string          `json:"type,omitempty"`
		Metadata       json.RawMessage `json:"metadata,omitempty"`
		RotationPolicy json.RawMessage `json:"rotation_policy,omitempty"`
		ExpiresAt      *time.Time      `json:"expires_at,omitempty"`
		MaxAccessCount int64           `json:"max_access_count,omitempty"`
	}{o.Type, o.Metadata, o.RotationPolicy, o.ExpiresAt, o.MaxAccessCount})
	if err != nil {
		return nil, err
	}
	body := &payload{text: withValue(rest, value)}
	defer body.wipe()
	q := request{method: http.MethodPut, path: p, body: body}
	res, err := c.send(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &SecretMeta{}
	if err := decoded(res, q, c.base, out); err != nil {
		return nil, err
	}
	out.Warning = res.Header.Get("Oneclaw-Warning")
	return out, nil
}

// withValue puts a value, as the first member, into the text of a JSON object.
func withValue(object []byte, value Value) []byte {
	const before, after = `{"value":"`, `",`
	b := make([]byte, 0, len(before)+quotedLen(value.Reveal())+len(after)+len(object)) // one that grows would leave copies
	b = appendQuoted(append(b, before...), value.Reveal())
	if string(object) == "{}" {
		return append(b, `"}`...)
	}
	return append(append(b, after...), object[1:]...)
}

// GetSecret reads the latest version. A try that got no answer is repeated, and may
// have been counted against the secret's access limit.
func (c *Client) GetSecret(ctx context.Context, vault, path string) (*Secret, error) {
	p, err := under(path, "vaults", vault, "secrets")
	if err != nil {
		return nil, err
	}
	out := new(Secret)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true}, out))
}

// DeleteSecret deletes a secret softly: its versions stay and RestoreSecret brings
// it back.
func (c *Client) DeleteSecret(ctx context.Context, vault, path string) error {
	p, err := under(path, "vaults", vault, "secrets")
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, repeatable: true}, nil)
}

// RestoreSecret brings a deleted secret back.
func (c *Client) RestoreSecret(ctx context.Context, vault, path string) (*SecretMeta, error) {
	p, err := under(path, "vaults", vault, "secret-restore")
	if err != nil {
		return nil, err
	}
	out := new(SecretMeta)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p}, out))
}

// SecretPage is one part of a listing. NextCursor is empty in the last.
type SecretPage struct {
	Secrets    []SecretMeta `json:"secrets"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

// SecretsPage returns one page of the secrets whose path starts with prefix. limit 0
// asks for all at once.
func (c *Client) SecretsPage(ctx context.Context, vault, prefix string, limit int, cursor string) (*SecretPage, error) {
	return c.secretsPage(ctx, vault, "prefix", prefix, limit, cursor)
}

// SearchSecrets returns the secrets whose path has a text in it, whatever its capitals: at
// most limit. One answer looks at a bounded number of paths, so NextCursor may be set
// after fewer.
func (c *Client) SearchSecrets(ctx context.Context, vault, text string, limit int, cursor string) (*SecretPage, error) {
	return c.secretsPage(ctx, vault, "q", text, limit, cursor)
}

func (c *Client) secretsPage(ctx context.Context, vault, by, text string, limit int, cursor string) (*SecretPage, error) {
	p, err := route("vaults", vault, "secrets")
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	if text != "" {
		q.Set(by, text)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	out := new(SecretPage)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: q, repeatable: true}, out))
}

const pageSize = 1000

// Secrets goes through the secrets whose path starts with prefix, fetching pages
// as needed. It ends after the first error.
func (c *Client) Secrets(ctx context.Context, vault, prefix string) iter.Seq2[SecretMeta, error] {
	return func(yield func(SecretMeta, error) bool) {
		cursor := ""
		for {
			page, err := c.SecretsPage(ctx, vault, prefix, pageSize, cursor)
			if err == nil && page.NextCursor != "" && page.NextCursor == cursor {
				err = badReply("The server gave the same page twice.")
			}
			if err != nil {
				yield(SecretMeta{}, err)
				return
			}
			for _, s := range page.Secrets {
				if !yield(s, nil) {
					return
				}
			}
			if cursor = page.NextCursor; cursor == "" {
				return
			}
		}
	}
}

// FindSecret looks a secret up in the listing, which does not count as a read of it.
// It is not found either when the caller may not see it.
func (c *Client) FindSecret(ctx context.Context, vault, path string) (m SecretMeta, found bool, err error) {
	for m, err := range c.Secrets(ctx, vault, path) {
		if err != nil || m.Path == path {
			return m, err == nil, err
		}
	}
	return SecretMeta{}, false, nil
}

// ListSecrets is Secrets, collected.
func (c *Client) ListSecrets(ctx context.Context, vault, prefix string) ([]SecretMeta, error) {
	all := []SecretMeta{}
	for s, err := range c.Secrets(ctx, vault, prefix) {
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
