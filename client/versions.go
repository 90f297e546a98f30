package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SecretVersion is one entry of a secret's history.
type SecretVersion struct {
	ID         string          `json:"id"`
	Path       string          `json:"path,omitempty"`
	Version    int64           `json:"version"`
	Type       string          `json:"type"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	CreatedBy  string          `json:"created_by"`
	ExpiresAt  *time.Time      `json:"expires_at,omitempty"`
	IsCurrent  bool            `json:"is_current"`
	IsDeleted  bool            `json:"is_deleted"`
	IsDisabled bool            `json:"is_disabled,omitempty"` // nothing opens it again
}

// SecretVersions lists the versions of a secret, also of a deleted one.
func (c *Client) SecretVersions(ctx context.Context, vault, path string) ([]SecretVersion, error) {
	p, err := under(path, "vaults", vault, "secret-versions")
	if err != nil {
		return nil, err
	}
	var out struct {
		Versions []SecretVersion `json:"versions"`
	}
	err = c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true}, &out)
	return out.Versions, err
}

// GetSecretVersion reads one version, also of a deleted secret.
func (c *Client) GetSecretVersion(ctx context.Context, vault, path string, version int64) (*Secret, error) {
	p, err := under(path, "vaults", vault, "secret-versions")
	if err != nil {
		return nil, err
	}
	out := new(Secret)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true,
		query: url.Values{"version": {strconv.FormatInt(version, 10)}}}, out))
}

// PurgeSecret destroys a secret and all its versions. Nothing brings it back.
func (c *Client) PurgeSecret(ctx context.Context, vault, path string) error {
	p, err := under(path, "vaults", vault, "secret-versions")
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, repeatable: true}, nil)
}

// DisableSecretVersion keeps one version from being opened again, whoever asks. Nothing
// takes that back.
func (c *Client) DisableSecretVersion(ctx context.Context, vault, path string, version int64) error {
	p, err := under(path+"/"+strconv.FormatInt(version, 10), "vaults", vault, "secret-version-disable")
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodPost, path: p, repeatable: true}, nil)
}

// Recipe says what a generated value looks like. Zero fields are the server's defaults:
// 32 characters, "alphanumeric" (or "hex", "base64", "ascii"), and the type that is stored.
type Recipe struct {
	Length  int    `json:"length,omitempty"`
	Charset string `json:"charset,omitempty"`
	Type    string `json:"type,omitempty"`
}

// GenerateSecret has the server make a new value for a secret that there is. It is not
// shown: who may read the secret reads it.
func (c *Client) GenerateSecret(ctx context.Context, vault, path string, r Recipe) (*SecretMeta, error) {
	p, err := under(path, "vaults", vault, "secret-rotate")
	if err != nil {
		return nil, err
	}
	out := new(SecretMeta)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: r}, out))
}
