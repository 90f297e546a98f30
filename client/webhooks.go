package client

import (
	"context"
	"net/http"
	"time"
)

// Webhook is an address that is called for events of the audit log. Status is "active",
// "failing", "paused" or "inactive"; LastError is empty when the latest call was taken.
type Webhook struct {
	ID              string     `json:"id"`
	URL             string     `json:"url"`
	Events          []string   `json:"events"`
	Description     string     `json:"description"`
	IsActive        bool       `json:"is_active"`
	CreatedBy       string     `json:"created_by"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
	Status          string     `json:"status"`
	LastStatus      int        `json:"last_status"` // of HTTP; 0 when no answer came
	LastError       string     `json:"last_error"`
	LastCalledAt    *time.Time `json:"last_called_at"`
	LastDeliveredAt *time.Time `json:"last_delivered_at"`
	FailingSince    *time.Time `json:"failing_since"`
	PausedAt        *time.Time `json:"paused_at"`
	Skipped         uint64     `json:"skipped"` // events left out since the last delivery
}

// NewWebhook is a webhook with the secret that its calls are signed with, which is
// shown once.
type NewWebhook struct {
	Webhook
	Secret Value `json:"secret"`
}

// WebhookCreate is a webhook to make. Events are action words of the audit log, such as
// secret.write, areas such as secret.*, or *.
type WebhookCreate struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Description string   `json:"description,omitempty"`
}

// WebhookChange is what is changed of a webhook; nil stays as it is.
type WebhookChange struct {
	URL         *string  `json:"url,omitempty"`
	Events      []string `json:"events,omitempty"`
	IsActive    *bool    `json:"is_active,omitempty"`
	Description *string  `json:"description,omitempty"`
}

// CreateWebhook makes a webhook.
func (c *Client) CreateWebhook(ctx context.Context, w WebhookCreate) (*NewWebhook, error) {
	out := new(NewWebhook)
	return got(out, c.write(ctx, http.MethodPost, w, out, "webhooks"))
}

// Webhooks lists the webhooks of the caller's organisation, oldest first.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var out struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	err := c.read(ctx, &out, "webhooks")
	return out.Webhooks, err
}

// Webhook returns one webhook.
func (c *Client) Webhook(ctx context.Context, id string) (*Webhook, error) {
	out := new(Webhook)
	return got(out, c.read(ctx, out, "webhooks", id))
}

// UpdateWebhook changes a webhook. IsActive true goes on with one that was paused.
func (c *Client) UpdateWebhook(ctx context.Context, id string, w WebhookChange) (*Webhook, error) {
	out := new(Webhook)
	return got(out, c.write(ctx, http.MethodPatch, w, out, "webhooks", id))
}

// DeleteWebhook ends a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	p, err := route("webhooks", id)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, repeatable: true}, nil)
}
