// Package x402 lets who has used up the free requests pay for one request at a
// time, as x402 version 1 says: the server names a price, the client sends a
// signed payment, and a facilitator checks it and moves the money.
//
// Its promise: nothing is served before the facilitator says that the payment was
// settled, and a payment serves one request once, whichever nodes it is sent to and
// however often at a time. A payment is never logged, and kept as a hash only.
package x402

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/epoch"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Doer sends requests: a guarded client, since a facilitator is what an admin named.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// Settings tells how the server is paid.
type Settings interface {
	ReadX402(ctx context.Context) (billing.X402, error)
}

// Hold is one call's hold on a payment.
type Hold struct {
	ID       [32]byte // of the payment: what its network takes once
	Resource [32]byte // what it is to serve: organisation, method and target
	Attempt  string   // UUID: a later hold makes an earlier one void
	Org      string
	Network  string
	Price    int64 // millionths of a dollar
	At       time.Time
	Until    time.Time // from then on another may hold it

	Transaction, Payer string // once it is settled
}

// Store keeps payments. Each method is one transaction.
type Store interface {
	// ServerEpoch changes with every setting; false: nothing cached may be used.
	ServerEpoch() (int64, bool)
	// LookPayment tells what HoldPayment would, and changes nothing.
	LookPayment(ctx context.Context, h *Hold) (paid bool, err error)
	// HoldPayment takes a payment that nobody holds. paid: it was settled before, for
	// the same resource, and not served then: now it counts as served. Conflict when
	// it has served or was refused, CodeHeld while another holds it.
	HoldPayment(ctx context.Context, h *Hold) (paid bool, err error)
	// SettlePayment marks a payment as settled and served. Conflict when it is not
	// this hold's any more, or when another payment had the same transaction.
	SettlePayment(ctx context.Context, h *Hold) error
	// RefusePayment ends a held payment for good.
	RefusePayment(ctx context.Context, h *Hold) error
	// ReleasePayment lets others hold it at once.
	ReleasePayment(ctx context.Context, h *Hold) error
	// UnservePayment gives a settled payment back to the resource that it is for.
	UnservePayment(ctx context.Context, h *Hold) error
}

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Settings Settings
	Client   Doer
	Now      func() time.Time
	Log      *slog.Logger
}

// Service takes payments.
type Service struct {
	cfg   Config
	terms *epoch.Cache[struct{}, Terms] // the settings are of the whole server
	busy  sync.Map                      // ids of payments that this node looks at
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, terms: epoch.New[struct{}, Terms](1)} }

// Terms are how the server is paid. The zero Terms: not at all.
type Terms struct {
	PayTo, Network, Scheme, Asset, Facilitator string
	Price                                      int64 // millionths of a dollar, where an organisation has none of its own
}

// On reports whether requests can be paid for one by one.
func (t *Terms) On() bool {
	return t.PayTo != "" && t.Facilitator != "" && t.Asset != "" && t.Network != "" && t.Price > 0
}

// Terms returns the server's terms. Without a change of settings it asks nobody.
func (s *Service) Terms(ctx context.Context) (Terms, error) {
	return s.terms.Get(struct{}{}, s.cfg.Store.ServerEpoch, func() (Terms, error) { return s.readTerms(ctx) })
}

func (s *Service) readTerms(ctx context.Context) (Terms, error) {
	x, err := s.cfg.Settings.ReadX402(ctx)
	if err != nil {
		return Terms{}, err
	}
	t := Terms{PayTo: x.PayTo, Network: x.Network, Scheme: x.Scheme, Asset: x.Asset, Facilitator: x.Facilitator, Price: x.Price}
	if t.Asset == "" {
		t.Asset = dollars[t.Network].address
	}
	return t, nil
}

// coin is a token that is worth a dollar and has six decimals.
type coin struct{ address, name, version string }

// dollars are USD Coin's contracts on the networks that have it.
var dollars = map[string]coin{
	"eip155:1":     {"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin", "2"},
	"eip155:8453":  {"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin", "2"},
	"eip155:84532": {"0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "2"},
}

// The refusals of Pay. All but the last go with what there is to pay.
var (
	ErrRequired = fault.New(fault.PaymentRequired, "payment_required",
		"The free requests of this month are used up. Pay for this request with the header X-PAYMENT.")
	ErrNoCaller = fault.New(fault.PaymentRequired, "payment_required",
		"Send a credential: Authorization: Bearer ... Requests beyond the free ones of a month are paid for with the header X-PAYMENT.")
	errUnreadable = fault.New(fault.PaymentRequired, "payment_unreadable",
		"The header X-PAYMENT holds no payment: JSON, or base64 of it, with x402Version 1, scheme, network and payload.")
	errMismatch = fault.New(fault.PaymentRequired, "payment_mismatch", "The payment is not one of those that are accepted.")
	errRefused  = fault.New(fault.PaymentRequired, "payment_refused", "The payment was not accepted. Nothing was served.")
	errUsed     = fault.New(fault.PaymentRequired, "payment_used", "This payment was used before. Each serves one request.")
	errBusy     = fault.New(fault.PaymentRequired, "payment_in_progress", "This payment is being used by another request.")
	errDown     = &fault.Error{Kind: fault.Unavailable, Code: "facilitator_unavailable", RetryAfter: 5 * time.Second,
		Detail: "The payment could not be checked now. Nothing was served. Send the same payment again in a moment: it is charged once."}
)

const (
	// settleTime is what the facilitator may take to move the money.
	settleTime = 30 * time.Second
	verifyTime = 10 * time.Second
	// holdTime is longer than any call that holds a payment takes.
	holdTime = 2 * time.Minute
	// recordTime bounds what must be written though the client went away.
	recordTime = 10 * time.Second
)
