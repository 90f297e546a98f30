package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SecretVersion is one entry of a secret's history.
type SecretVersion struct {
	ID        string     `json:"id"`
	Version   int64      `json:"version"`
	Type      string     `json:"type"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	IsCurrent bool       `json:"is_current"`
	IsDeleted bool       `json:"is_deleted"`
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
