package checkout

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// ErrSignature refuses a webhook that Stripe did not sign, or too long ago. It says
// the same when there is no secret to check with.
var ErrSignature = fault.New(fault.Invalid, "invalid_signature", "The signature of this event is not good.")

var errEvent = fault.New(fault.Invalid, "invalid_event", "The event can't be read.")

// Receive takes one event. An error other than Invalid makes Stripe send it again;
// an event that means nothing here is none. The reading is ours: of what the account
// sends, in whatever version of Stripe's API, a few fields matter.
func (s *Service) Receive(ctx context.Context, c *call.Call, body []byte, signature string) error {
	key := string(s.cfg.WebhookSecret.Reveal())
	if strings.TrimSpace(key) == "" {
		return ErrSignature
	}
	event, err := webhook.ConstructEventWithOptions(body, signature, key, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil {
		return ErrSignature
	}
	if event.ID == "" || len(event.ID) > maxID || event.Data == nil {
		return errEvent
	}
	switch event.Type {
	case stripe.EventTypeCheckoutSessionCompleted, stripe.EventTypeCheckoutSessionAsyncPaymentSucceeded:
		return s.completed(ctx, c, event.Data.Raw)
	case stripe.EventTypeCustomerSubscriptionCreated, stripe.EventTypeCustomerSubscriptionUpdated, stripe.EventTypeCustomerSubscriptionDeleted:
		return s.subscription(ctx, c, &event)
	default:
		return nil
	}
}

// maxID bounds the ids that are stored.
const maxID = 255

// session is what is read of a checkout session.
type session struct {
	ID       string            `json:"id"`
	Mode     string            `json:"mode"`
	Status   string            `json:"payment_status"`
	Total    int64             `json:"amount_total"`
	Currency string            `json:"currency"`
	Ref      string            `json:"client_reference_id"`
	Metadata map[string]string `json:"metadata"`
	Customer jsontext.Value    `json:"customer"`
}

// creditDays is how long paid credits last.
const creditDays = 365

func (s *Service) completed(ctx context.Context, c *call.Call, raw []byte) error {
	var got session
	if json.Unmarshal(raw, &got) != nil {
		return errEvent
	}
	org, ours := orgOf(got.Metadata)
	if !ours || got.Ref != org || got.ID == "" || len(got.ID) > maxID {
		return nil
	}
	own(c, org)
	if id := idOf(got.Customer); id != "" {
		if err := s.cfg.Store.SaveCustomer(ctx, org, id); err != nil {
			return s.ignored(c, err)
		}
	}
	if got.Metadata[metaKind] != kindTop || got.Mode != string(stripe.CheckoutSessionModePayment) || got.Status != string(stripe.CheckoutSessionPaymentStatusPaid) {
		return nil
	}
	if got.Currency != currency || got.Total <= 0 {
		s.cfg.Log.Error("a payment is in no currency that credits are sold in")
		return nil
	}
	c.Event.Details.Outcome = audit.Success
	_, err := s.cfg.Credits.Credit(ctx, billing.Entry{
		Org: org, Type: billing.ToppedUp, Amount: got.Total, Description: "Paid for", Reference: "stripe:" + got.ID, At: c.Now,
	}, creditDays, c.Event)
	return s.ignored(c, err)
}

// subscribed is what is read of a subscription. Where its period ends was moved
// from it to its items.
type subscribed struct {
	ID       string            `json:"id"`
	Status   string            `json:"status"`
	End      int64             `json:"current_period_end"`
	Metadata map[string]string `json:"metadata"`
	Customer jsontext.Value    `json:"customer"`
	Items    struct {
		Data []struct {
			End   int64 `json:"current_period_end"`
			Price struct {
				ID string `json:"id"`
			} `json:"price"`
		} `json:"data"`
	} `json:"items"`
}

// grace is how long a tier holds beyond what was paid for: renewals are charged some
// hours after a period's end, and tried again when they fail.
const grace = 3 * 24 * time.Hour

func (s *Service) subscription(ctx context.Context, c *call.Call, event *stripe.Event) error {
	var got subscribed
	if json.Unmarshal(event.Data.Raw, &got) != nil {
		return errEvent
	}
	org, ours := orgOf(got.Metadata)
	if !ours || got.ID == "" || len(got.ID) > maxID || len(got.Items.Data) == 0 {
		return nil
	}
	own(c, org)
	item := got.Items.Data[0]
	plan, sold := s.plans[item.Price.ID]
	if !sold {
		s.cfg.Log.Error("a subscription is to a price that no setting names")
		return nil
	}
	end := time.Unix(max(item.End, got.End), 0)
	sub := Subscription{
		ID: got.ID, Org: org, Customer: idOf(got.Customer), Plan: plan, Status: got.Status, PeriodEnd: end,
		Said: event.Created*3 + order(event.Type),
	}
	switch stripe.SubscriptionStatus(got.Status) {
	case stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing:
		sub.LiveUntil = end.Add(grace)
	case stripe.SubscriptionStatusPastDue:
		// The period that ends then was not paid for.
		sub.LiveUntil = time.Unix(event.Created, 0).Add(grace)
	case stripe.SubscriptionStatusCanceled, stripe.SubscriptionStatusIncomplete, stripe.SubscriptionStatusIncompleteExpired,
		stripe.SubscriptionStatusPaused, stripe.SubscriptionStatusUnpaid:
	default:
		return nil
	}
	if event.Type == stripe.EventTypeCustomerSubscriptionDeleted {
		sub.Status, sub.LiveUntil = string(stripe.SubscriptionStatusCanceled), time.Time{}
	}
	c.Event.Details.Outcome = audit.Success
	_, err := s.cfg.Store.Subscribe(ctx, event.ID, &sub, c.Now, c.Event)
	return s.ignored(c, err)
}

// order is how events of one second follow each other.
func order(t stripe.EventType) int64 {
	switch t {
	case stripe.EventTypeCustomerSubscriptionCreated:
		return 0
	case stripe.EventTypeCustomerSubscriptionDeleted:
		return 2
	default:
		return 1
	}
}

// own puts the request into the log of the organisation that it is about.
func own(c *call.Call, org string) {
	c.Event.Org = org
	c.Touch("billing", org)
}

// ignored is nil for what would fail each time it is sent: it was done before, or
// the organisation is gone.
func (s *Service) ignored(c *call.Call, err error) error {
	switch {
	case fault.Is(err, fault.Conflict):
		return nil
	case fault.Is(err, fault.NotFound):
		c.Event.Org = audit.SystemOrg
		s.cfg.Log.Warn("a payment is of an organisation that is not here", slog.String("code", fault.CodeOf(err)))
		return nil
	}
	return err
}

// orgOf returns the organisation that one of our sessions was made for.
func orgOf(metadata map[string]string) (string, bool) {
	org := metadata[metaOrg]
	return org, ids.Exact(org) && org != audit.SystemOrg
}

// idOf reads what is an id, or an object that has one.
func idOf(raw jsontext.Value) string {
	var id string
	switch raw.Kind() {
	case '"':
		if json.Unmarshal(raw, &id) != nil {
			return ""
		}
	case '{':
		var o struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &o) != nil {
			return ""
		}
		id = o.ID
	default: // it names nothing
	}
	if len(id) > maxID {
		return ""
	}
	return id
}

func asStripe(err error) (*stripe.Error, bool) { return errors.AsType[*stripe.Error](err) }

var word = regexp.MustCompile(`^[0-9A-Za-z_]{0,64}$`)

// plain drops what is more than a word.
func plain(s string) string {
	if word.MatchString(s) {
		return s
	}
	return ""
}
