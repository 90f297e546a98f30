// Package checkout takes money through Stripe: subscriptions to tiers and credits.
//
// Its promise: nothing is credited and no tier changes but on the word of Stripe,
// signed with the webhook's secret; what was paid is Stripe's to say, never the
// client's; and each word counts once, in whatever order and however often, on
// whatever nodes it arrives. Without the webhook's secret no word is taken.
package checkout

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Plan is what a subscription is of.
type Plan struct {
	Tier   billing.Tier
	Period string
}

// The periods of a subscription.
const (
	Monthly = "monthly"
	Yearly  = "yearly"
)

// Customer is what Stripe knows of an organisation.
type Customer struct {
	ID         string // empty: nothing yet
	Subscribed bool   // it has a subscription that is live
	Ever       bool   // it has had one
}

// Subscription is what Stripe says of one.
type Subscription struct {
	ID, Org, Customer string
	Plan
	Status    string
	PeriodEnd time.Time
	LiveUntil time.Time // the tier holds until then; zero: it does not
	Said      int64     // orders what is said of one subscription
}

// Store keeps what Stripe said.
type Store interface {
	Customer(ctx context.Context, org string, now time.Time) (Customer, error)
	// SaveCustomer keeps the first customer of an organisation. NotFound for no such
	// organisation.
	SaveCustomer(ctx context.Context, org, customer string) error
	// Subscribe applies what an event says, once an event, unless something later is
	// known of the subscription. applied is false when nothing changed. It moves the
	// epoch, and commits ev with it when it applied. NotFound for no such organisation.
	Subscribe(ctx context.Context, event string, s *Subscription, now time.Time, ev *audit.Event) (applied bool, err error)
}

// Credits is the ledger.
type Credits interface {
	// Credit is done once for a reference: Conflict afterwards.
	Credit(ctx context.Context, e billing.Entry, days int, ev *audit.Event) (billing.Entry, error)
	// MayPay returns nil when the caller may spend its organisation's money.
	MayPay(c *call.Call) error
}

// Config is what a Service is made of.
type Config struct {
	Key           secret.Bytes
	WebhookSecret secret.Bytes
	Prices        map[Plan]string // Stripe's ids of prices
	URL           string          // of Stripe's API
	Client        *http.Client    // guarded
	Store         Store
	Credits       Credits
	PublicURL     string // where a human comes back to
	Log           *slog.Logger
}

// Service is the methods of checkout.
type Service struct {
	cfg    Config
	stripe *stripe.Client
	plans  map[string]Plan // by price
}

// New returns a Service. stripe-go needs the key as a string, which stays in memory.
func New(cfg Config) *Service {
	backend := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(cfg.URL), HTTPClient: cfg.Client, MaxNetworkRetries: stripe.Int64(1), EnableTelemetry: stripe.Bool(false),
		// Its own log would have what was asked and answered.
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	s := &Service{cfg: cfg, plans: map[string]Plan{}}
	s.stripe = stripe.NewClient(string(cfg.Key.Reveal()), stripe.WithBackends(backend))
	for plan, price := range cfg.Prices {
		if price != "" {
			s.plans[price] = plan
		}
	}
	return s
}

// What sessions carry so that their events are known as ours: the Stripe account
// may be used for other things too.
const (
	metaOrg  = "oneclaw_org"
	metaKind = "oneclaw_kind"
	kindTier = "tier"
	kindTop  = "topup"
)

const trialDays = 14

var (
	errPlan = fault.New(fault.Invalid, "invalid_plan", "tier is pro or business, and interval monthly or yearly.")
	errSold = fault.New(fault.Invalid, "plan_not_sold", "This tier is not sold for this interval here.")
	errHas  = fault.New(fault.Conflict, "already_subscribed", "There is a subscription already. POST /v1/billing/portal leads to where it is changed.")
	errNone = fault.New(fault.Conflict, "nothing_paid_yet", "Nothing was paid for yet, so there is nothing to change. Subscribe or top up first.")
	errDown = &fault.Error{Kind: fault.Unavailable, Code: "payments_unavailable", RetryAfter: 10 * time.Second,
		Detail: "The payment provider could not be asked now. Nothing was charged. Try again in a moment."}
	errAmount = fault.New(fault.Invalid, "invalid_amount_usd", "amount_usd is from 5 to 1000 dollars, with no more than two decimals.")
)

// Subscribe returns the page where a human pays for a tier.
func (s *Service) Subscribe(ctx context.Context, c *call.Call, plan Plan, trial bool) (string, error) {
	if err := s.cfg.Credits.MayPay(c); err != nil {
		return "", err
	}
	if plan.Tier != billing.Pro && plan.Tier != billing.Business || plan.Period != Monthly && plan.Period != Yearly {
		return "", errPlan
	}
	price := s.cfg.Prices[plan]
	if price == "" {
		return "", errSold
	}
	known, err := s.cfg.Store.Customer(ctx, c.Who.Org, c.Now)
	if err != nil {
		return "", err
	}
	if known.Subscribed {
		return "", errHas
	}
	p := s.session(c, known, stripe.CheckoutSessionModeSubscription, kindTier)
	p.LineItems = []*stripe.CheckoutSessionCreateLineItemParams{{Price: &price, Quantity: stripe.Int64(1)}}
	p.SubscriptionData = &stripe.CheckoutSessionCreateSubscriptionDataParams{Metadata: map[string]string{metaOrg: c.Who.Org}}
	if trial && !known.Ever { // one trial an organisation
		p.SubscriptionData.TrialPeriodDays = stripe.Int64(trialDays)
	}
	return s.open(ctx, p)
}

// TopUp returns the page where a human pays for credits.
func (s *Service) TopUp(ctx context.Context, c *call.Call, dollars float64) (string, error) {
	if err := s.cfg.Credits.MayPay(c); err != nil {
		return "", err
	}
	cents := int64(dollars*100 + 0.5)
	if !(dollars >= 5 && dollars <= 1000) || float64(cents)/100 != dollars {
		return "", errAmount
	}
	known, err := s.cfg.Store.Customer(ctx, c.Who.Org, c.Now)
	if err != nil {
		return "", err
	}
	p := s.session(c, known, stripe.CheckoutSessionModePayment, kindTop)
	p.LineItems = []*stripe.CheckoutSessionCreateLineItemParams{{
		Quantity: stripe.Int64(1),
		PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: stripe.String(currency), UnitAmount: &cents,
			ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Credits")},
		},
	}}
	if known.ID == "" {
		p.CustomerCreation = stripe.String("always") // so that there is a portal to go to
	}
	return s.open(ctx, p)
}

const currency = "usd"

func (s *Service) session(c *call.Call, known Customer, mode stripe.CheckoutSessionMode, kind string) *stripe.CheckoutSessionCreateParams {
	p := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String(string(mode)), ClientReferenceID: stripe.String(c.Who.Org),
		Metadata:   map[string]string{metaOrg: c.Who.Org, metaKind: kind},
		SuccessURL: stripe.String(s.cfg.PublicURL + "/"), CancelURL: stripe.String(s.cfg.PublicURL + "/"),
	}
	if known.ID != "" {
		p.Customer = stripe.String(known.ID)
	}
	return p
}

func (s *Service) open(ctx context.Context, p *stripe.CheckoutSessionCreateParams) (string, error) {
	got, err := s.stripe.V1CheckoutSessions.Create(ctx, p)
	if err != nil {
		return "", s.down("checkout", err)
	}
	return s.page("checkout", got.URL)
}

// Portal returns the page where a human changes how the organisation pays.
func (s *Service) Portal(ctx context.Context, c *call.Call) (string, error) {
	if err := s.cfg.Credits.MayPay(c); err != nil {
		return "", err
	}
	known, err := s.cfg.Store.Customer(ctx, c.Who.Org, c.Now)
	if err != nil {
		return "", err
	}
	if known.ID == "" {
		return "", errNone
	}
	got, err := s.stripe.V1BillingPortalSessions.Create(ctx, &stripe.BillingPortalSessionCreateParams{
		Customer: stripe.String(known.ID), ReturnURL: stripe.String(s.cfg.PublicURL + "/"),
	})
	if err != nil {
		return "", s.down("portal", err)
	}
	return s.page("portal", got.URL)
}

// page takes an address from Stripe that a browser may be sent to.
func (s *Service) page(step, url string) (string, error) {
	if !strings.HasPrefix(url, "https://") {
		s.cfg.Log.Error("the payment provider gave no page", slog.String("step", step))
		return "", errDown
	}
	return url, nil
}

// down logs why Stripe did not do it, in words that hold nothing of a request.
func (s *Service) down(step string, err error) error {
	attrs := []any{slog.String("step", step)}
	if e, ok := asStripe(err); ok {
		attrs = append(attrs, slog.Int("status", e.HTTPStatusCode), slog.String("type", plain(string(e.Type))), slog.String("code", plain(string(e.Code))),
			slog.String("request", plain(e.RequestID)))
	}
	s.cfg.Log.Error("the payment provider did not do what was asked", attrs...)
	return errDown
}
