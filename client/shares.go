package client

import (
	"context"
	"net/http"
	"time"
)

// Share gives others access to one secret for a time. The ID of a link opens it.
type Share struct {
	ID             string    `json:"id"`
	ShareURL       string    `json:"share_url"`
	RecipientType  string    `json:"recipient_type"`
	RecipientEmail string    `json:"recipient_email,omitempty"`
	ExpiresAt      time.Time `json:"expires_at"`
	MaxAccessCount int64     `json:"max_access_count"`
	Warnings       []string  `json:"warnings,omitempty"` // of a new share: a mail that was not sent
}

// ShareCreate says with whom and for how long. RecipientType is "user", "agent",
// "external_email", "anyone_with_link" or "creator". MaxAccessCount 0 means no limit,
// the zero ExpiresAt that the server chooses: a day.
type ShareCreate struct {
	RecipientType  string
	RecipientID    string
	Email          string
	Permissions    []string
	MaxAccessCount int64
	ExpiresAt      time.Time
	Passphrase     Value
	IPAllowlist    []string
}

// ShareItem is how a share stands. ID is that of Share. ShareID is what the log calls it: it opens
// no link, and is the same as ID where nobody opens the share by its id alone.
type ShareItem struct {
	ID             string    `json:"id"`
	ShareID        string    `json:"share_id,omitempty"`
	SecretPath     string    `json:"secret_path"`
	RecipientType  string    `json:"recipient_type"`
	RecipientID    string    `json:"recipient_id,omitempty"`
	RecipientEmail string    `json:"recipient_email,omitempty"`
	AccessCount    int64     `json:"access_count"`
	MaxAccessCount int64     `json:"max_access_count"`
	ExpiresAt      time.Time `json:"expires_at"`
	CreatedAt      time.Time `json:"created_at"`
	IsExpired      bool      `json:"is_expired"`
	IsAccepted     bool      `json:"is_accepted"`
	Status         string    `json:"status,omitempty"`
}

// SharedSecret is what a share gives. Wipe the Value after use.
type SharedSecret struct {
	ID             string `json:"id"`
	Path           string `json:"path"`
	Type           string `json:"type"`
	Value          Value  `json:"value"`
	AccessCount    int64  `json:"access_count"`
	MaxAccessCount int64  `json:"max_access_count"`
	CMEKEncrypted  bool   `json:"cmek_encrypted,omitempty"`
}

// CreateShare shares the secret with that id (SecretMeta.ID, not its path). The
// share follows the path: it gives the version that is newest when it is read.
func (c *Client) CreateShare(ctx context.Context, secretID string, s ShareCreate) (*Share, error) {
	out := new(Share)
	return got(out, c.write(ctx, http.MethodPost, struct {
		RecipientType  string    `json:"recipient_type"`
		RecipientID    string    `json:"recipient_id,omitempty"`
		Email          string    `json:"email,omitempty"`
		Permissions    []string  `json:"permissions,omitempty"`
		MaxAccessCount int64     `json:"max_access_count"`
		ExpiresAt      time.Time `json:"expires_at,omitzero"`
		Passphrase     string    `json:"passphrase,omitempty"`
		IPAllowlist    []string  `json:"ip_allowlist,omitempty"`
	}{s.RecipientType, s.RecipientID, s.Email, s.Permissions, s.MaxAccessCount, s.ExpiresAt,
		string(s.Passphrase.Reveal()), s.IPAllowlist}, out, "secrets", secretID, "share"))
}

// OutboundShares lists what the caller has shared, newest first.
func (c *Client) OutboundShares(ctx context.Context) ([]ShareItem, error) {
	return c.shares(ctx, "outbound")
}

// InboundShares lists what was shared with the caller by name, newest first.
func (c *Client) InboundShares(ctx context.Context) ([]ShareItem, error) {
	return c.shares(ctx, "inbound")
}

func (c *Client) shares(ctx context.Context, direction string) ([]ShareItem, error) {
	var out struct {
		Shares []ShareItem `json:"shares"`
	}
	err := c.read(ctx, &out, "shares", direction)
	return out.Shares, err
}

// ReadShare reads what was shared. It is never sent twice: each time counts. A
// passphrase goes in the body, since addresses end up in logs.
func (c *Client) ReadShare(ctx context.Context, id string, passphrase Value) (*SharedSecret, error) {
	return c.ReadMailedShare(ctx, id, passphrase, "")
}

// ReadMailedShare is ReadShare with the proof from the link in the mail about a share, which
// opens the share without an account.
func (c *Client) ReadMailedShare(ctx context.Context, id string, passphrase Value, proof string) (*SharedSecret, error) {
	out := new(SharedSecret)
	if passphrase.Len() > 0 || proof != "" {
		return got(out, c.write(ctx, http.MethodPost, struct {
			Passphrase string `json:"passphrase,omitempty"`
			Proof      string `json:"proof,omitempty"`
		}{string(passphrase.Reveal()), proof}, out, "shares", id, "access"))
	}
	return got(out, c.write(ctx, http.MethodGet, nil, out, "share", id))
}

// AcceptShare takes a share that is for the caller, so that it can be read.
func (c *Client) AcceptShare(ctx context.Context, id string) error {
	return c.write(ctx, http.MethodPost, nil, nil, "shares", id, "accept")
}

// DeclineShare refuses a share that is for the caller, for good.
func (c *Client) DeclineShare(ctx context.Context, id string) error {
	return c.write(ctx, http.MethodPost, nil, nil, "shares", id, "decline")
}

// RevokeShare ends a share at once.
func (c *Client) RevokeShare(ctx context.Context, id string) error {
	return c.remove(ctx, "share", id)
}
