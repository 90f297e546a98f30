package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Webhook is where an organisation is told of new requests.
type Webhook struct {
	ID, Org, URL string
	Box          seal.Box // the signing secret
	CreatedBy    string
	CreatedAt    time.Time
	PausedAt     time.Time // by a restore, until it is set again; zero: it is called
	Last         signedcall.Last
}

// WebhookStore keeps webhooks, one an organisation.
type WebhookStore interface {
	SetWebhook(ctx context.Context, w Webhook, ev *audit.Event) error
	// RemoveWebhook returns fault.NotFound when there is none.
	RemoveWebhook(ctx context.Context, org string, ev *audit.Event) error
	// WebhookCalled notes how a call of the webhook went, if it still is that one.
	WebhookCalled(ctx context.Context, org, id string, out signedcall.Outcome) error
}

// SetWebhook stores where the caller's organisation is told of requests, in
// place of what was there, and returns the new secret that calls are signed
// with. It is shown this once. Wipe it.
func (s *Service) SetWebhook(ctx context.Context, c *call.Call, address string) (Webhook, secret.Bytes, error) {
	c.Touch("webhook", "")
	if err := c.Authorize(policy.UpdateWebhook, c.Own()); err != nil {
		return Webhook{}, secret.Bytes{}, err
	}
	// It is sent what others ask for: that takes the right to take the log away, as other webhooks do.
	if err := policy.Decide(c.Who, policy.VerifyAudit, c.Own(), c.At()).ErrOf(policy.VerifyAudit); err != nil {
		return Webhook{}, secret.Bytes{}, err
	}
	url, err := s.cfg.Calls.CheckURL(ctx, address)
	if err != nil {
		return Webhook{}, secret.Bytes{}, err
	}
	if err := c.RequirePersonToLast(); err != nil { // it is told of each request, for as long as it stands
		return Webhook{}, secret.Bytes{}, err
	}
	w := Webhook{ID: ids.New(), Org: c.Who.Org, URL: url, CreatedBy: c.Who.ID, CreatedAt: stamp.Of(c.Now)}
	key, box, err := s.cfg.Calls.NewSecret(ctx, w.ref())
	if err != nil {
		return Webhook{}, secret.Bytes{}, err
	}
	w.Box = box
	c.Touch("webhook", w.ID)
	c.Event.Details.Outcome = audit.Success
	if err := s.cfg.Store.SetWebhook(ctx, w, c.Event); err != nil {
		key.Wipe()
		return Webhook{}, secret.Bytes{}, err
	}
	return w, key, nil
}

// Webhook returns the organisation's webhook without its secret.
func (s *Service) Webhook(ctx context.Context, c *call.Call) (Webhook, error) {
	c.Touch("webhook", "")
	if err := c.Authorize(policy.ReadWebhook, c.Own()); err != nil {
		return Webhook{}, err
	}
	return s.cfg.Store.Webhook(ctx, c.Who.Org)
}

// RemoveWebhook ends the calls.
func (s *Service) RemoveWebhook(ctx context.Context, c *call.Call) error {
	c.Touch("webhook", "")
	if err := c.Authorize(policy.UpdateWebhook, c.Own()); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.cfg.Store.RemoveWebhook(ctx, c.Who.Org, c.Event)
}

// SealOfWebhook says which key the signing secret of a webhook is sealed with, and where.
func SealOfWebhook(org, id string) (key string, at seal.Ref) {
	return signedcall.KEK, (&Webhook{Org: org, ID: id}).ref()
}

func (w *Webhook) ref() seal.Ref {
	return seal.Ref{Org: w.Org, Vault: "approval-webhooks", Path: w.ID, Version: 1}
}

// event is the body of a webhook call.
type event struct {
	Type          string    `json:"type"`
	ID            string    `json:"approval_request_id"`
	Org           string    `json:"org_id"`
	Vault         string    `json:"vault_id"`
	Path          string    `json:"secret_path"`
	Operation     string    `json:"operation"`
	RequesterType string    `json:"requester_type"`
	RequesterID   string    `json:"requester_id"`
	Reason        string    `json:"reason,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	ExpiresAt     time.Time `json:"expires_at"`
}

// post calls the organisation's webhook, if it has one. An answer other than 2xx
// is an error.
func (s *Service) post(ctx context.Context, r *Request) error {
	w, err := s.cfg.Store.Webhook(ctx, r.Org)
	if fault.Is(err, fault.NotFound) || err == nil && !w.PausedAt.IsZero() {
		return nil
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(event{
		Type: "approval.requested", ID: r.ID, Org: r.Org, Vault: r.Vault, Path: r.Path, Operation: string(r.Operation),
		RequesterType: string(r.Kind), RequesterID: r.Principal, Reason: r.Reason, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
	})
	if err != nil {
		return err
	}
	out, err := s.cfg.Calls.Post(ctx, signedcall.Target{URL: w.URL, At: w.ref(), Box: w.Box}, r.ID, body)
	if err != nil {
		err = fmt.Errorf("call the webhook: %w", err)
	}
	return errors.Join(err, s.cfg.Store.WebhookCalled(ctx, w.Org, w.ID, out))
}

// MaxReason bounds a reason, in bytes.
const MaxReason = 500

// MaxWords bounds what the server says in place of a reason, in bytes.
const MaxWords = 3000

// CheckReason refuses what does not fit a line that people are shown.
func CheckReason(reason string) error {
	if len(reason) > MaxReason || strings.ContainsFunc(reason, func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}) {
		return fault.New(fault.Invalid, "invalid_reason", "reason is one line of at most 500 bytes.")
	}
	return nil
}
