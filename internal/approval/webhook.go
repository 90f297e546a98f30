package approval

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Webhook is where an organisation is told of new requests.
type Webhook struct {
	ID, Org, URL string
	Box          seal.Box // the signing secret
	CreatedBy    string
	CreatedAt    time.Time
}

// WebhookStore keeps webhooks, one an organisation.
type WebhookStore interface {
	SetWebhook(ctx context.Context, w Webhook, ev *audit.Event) error
	// RemoveWebhook returns fault.NotFound when there is none.
	RemoveWebhook(ctx context.Context, org string, ev *audit.Event) error
}

// kek is the keystore's key for signing secrets.
const kek = "system:approval-webhooks"

const maxURL = 2048

var errURL = fault.New(fault.Invalid, "invalid_webhook_url", "url must be an https address without a login in it, such as https://example.com/approvals.")

// SetWebhook stores where the caller's organisation is told of requests, in
// place of what was there, and returns the new secret that calls are signed
// with. It is shown this once. Wipe it.
func (s *Service) SetWebhook(ctx context.Context, c *call.Call, address string) (Webhook, secret.Bytes, error) {
	c.Touch("webhook", "")
	if err := c.Authorize(policy.UpdateWebhook, c.Own()); err != nil {
		return Webhook{}, secret.Bytes{}, err
	}
	u, err := url.Parse(address)
	if err != nil || len(address) > maxURL || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return Webhook{}, secret.Bytes{}, errURL
	}
	if err := c.RequirePersonToLast(); err != nil { // it is told of each request, for as long as it stands
		return Webhook{}, secret.Bytes{}, err
	}
	w := Webhook{ID: ids.New(), Org: c.Who.Org, URL: u.String(), CreatedBy: c.Who.ID, CreatedAt: stamp.Of(c.Now)}
	key := newSecret()
	if w.Box, err = s.seal(ctx, &w, key); err != nil {
		key.Wipe()
		return Webhook{}, secret.Bytes{}, err
	}
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

// newSecret is "whsec_" and 32 random bytes in base64url.
func newSecret() secret.Bytes {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		panic(err) // crypto/rand does not fail
	}
	defer clear(raw[:])
	return secret.New(base64.RawURLEncoding.AppendEncode([]byte("whsec_"), raw[:]))
}

// SealOfWebhook says which key the signing secret of a webhook is sealed with, and where.
func SealOfWebhook(org, id string) (key string, at seal.Ref) {
	return kek, (&Webhook{Org: org, ID: id}).ref()
}

func (w *Webhook) ref() seal.Ref {
	return seal.Ref{Org: w.Org, Vault: "approval-webhooks", Path: w.ID, Version: 1}
}

func (s *Service) seal(ctx context.Context, w *Webhook, key secret.Bytes) (seal.Box, error) {
	box, err := s.cfg.Sealer.Seal(ctx, kek, w.ref(), key)
	if !fault.Is(err, fault.NotFound) {
		return box, err
	}
	if err := s.cfg.Keys.CreateKEK(ctx, kek); err != nil && !fault.Is(err, fault.Conflict) {
		return seal.Box{}, err
	}
	return s.cfg.Sealer.Seal(ctx, kek, w.ref(), key)
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

// The headers of a webhook call. The signature is "t=UNIX,v1=HEX": HMAC-SHA-256
// with the secret over the time, a dot and the body.
const (
	signatureHeader = "X-Oneclaw-Signature"
	deliveryHeader  = "X-Oneclaw-Delivery"
	postTime        = 10 * time.Second
)

// post calls the organisation's webhook, if it has one. An answer other than 2xx
// is an error.
func (s *Service) post(ctx context.Context, r *Request) error {
	w, err := s.cfg.Store.Webhook(ctx, r.Org)
	if fault.Is(err, fault.NotFound) {
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
	key, err := s.cfg.Sealer.Open(ctx, kek, w.ref(), w.Box)
	if err != nil {
		return seal.KeyLost(err)
	}
	at := strconv.FormatInt(s.cfg.Now().Unix(), 10)
	signature := sign(key, at, body)
	key.Wipe()
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errURL
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "oneclaw")
	req.Header.Set(deliveryHeader, r.ID)
	req.Header.Set(signatureHeader, "t="+at+",v1="+signature)
	resp, err := s.cfg.Sender.Do(req)
	if err != nil {
		return fmt.Errorf("call the webhook: %w", err)
	}
	// The body is of no use; what is read of it lets the connection be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("call the webhook: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the webhook answered %d", resp.StatusCode)
	}
	return nil
}

func sign(key secret.Bytes, at string, body []byte) string {
	mac := hmac.New(sha256.New, key.Reveal())
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckReason refuses what does not fit a line that people are shown.
func CheckReason(reason string) error {
	if len(reason) > 500 || strings.ContainsFunc(reason, func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}) {
		return fault.New(fault.Invalid, "invalid_reason", "reason is one line of at most 500 bytes.")
	}
	return nil
}
