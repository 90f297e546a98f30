package client

import (
	"context"
	"net/http"
	"time"
)

// Share gives others access to one secret for a time.
type Share struct {
	ID             string    `json:"id"`
	ShareURL       string    `json:"share_url"`
	RecipientType  string    `json:"recipient_type"`
	RecipientEmail string    `json:"recipient_email,omitempty"`
	ExpiresAt      time.Time `json:"expires_at"`
	MaxAccessCount int64     `json:"max_access_count"`
}

// ShareCreate says with whom and for how long. RecipientType is "user", "agent",
// "external_email", "anyone_with_link" or "creator". MaxAccessCount 0 means no limit.
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

// CreateShare shares the secret with that id (SecretMeta.ID, not its path).
func (c *Client) CreateShare(ctx context.Context, secretID string, s ShareCreate) (*Share, error) {
	out := new(Share)
	return got(out, c.write(ctx, http.MethodPost, struct {
		RecipientType  string    `json:"recipient_type"`
		RecipientID    string    `json:"recipient_id,omitempty"`
		Email          string    `json:"email,omitempty"`
		Permissions    []string  `json:"permissions,omitempty"`
		MaxAccessCount int64     `json:"max_access_count"`
		ExpiresAt      time.Time `json:"expires_at"`
		Passphrase     string    `json:"passphrase,omitempty"`
		IPAllowlist    []string  `json:"ip_allowlist,omitempty"`
	}{s.RecipientType, s.RecipientID, s.Email, s.Permissions, s.MaxAccessCount, s.ExpiresAt,
		string(s.Passphrase.Reveal()), s.IPAllowlist}, out, "secrets", secretID, "share"))
}
