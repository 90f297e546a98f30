package billing

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Kinds of ledger entries.
const (
	Granted  = "grant" // by a platform admin
	ToppedUp = "topup" // paid for
	Spent    = "usage" // requests beyond the limit
	Expired  = "expiry"
)

// Entry is a row of the ledger. Rows are never changed.
type Entry struct {
	ID, Org     string
	Type        string
	Amount      int64 // cents, negative when taken
	Balance     int64 // cents, after it
	Description string
	Reference   string // what a payment provider calls it; empty: nothing
	At          time.Time
}

// Lot is credit that ends at a time.
type Lot struct {
	ID      string
	Cents   int64
	Expires time.Time
}

// Balance is what an organisation may spend.
type Balance struct {
	Cents          int64
	Within30       int64 // cents that end within 30 days
	Within90       int64
	EarliestExpiry time.Time // of those within 90 days; zero: none
}

// Balance tells the credits of the caller's organisation.
func (s *Service) Balance(ctx context.Context, c *call.Call) (Balance, error) {
	a, err := s.current(ctx, c)
	if err != nil {
		return Balance{}, err
	}
	lots, err := s.store.Expiring(ctx, c.Who.Org, c.Now, c.Now.AddDate(0, 0, 90))
	if err != nil {
		return Balance{}, err
	}
	out := Balance{Cents: max(a.Credits, 0)}
	for _, l := range lots {
		if out.EarliestExpiry.IsZero() {
			out.EarliestExpiry = l.Expires
		}
		out.Within90 += l.Cents
		if l.Expires.Before(c.Now.AddDate(0, 0, 30)) {
			out.Within30 += l.Cents
		}
	}
	return out, nil
}

// Transactions returns a part of the ledger of the caller's organisation, newest
// first.
func (s *Service) Transactions(ctx context.Context, c *call.Call, limit, offset int) ([]Entry, error) {
	if _, err := s.current(ctx, c); err != nil {
		return nil, err
	}
	return s.store.Ledger(ctx, c.Who.Org, limit, offset)
}

// SetOverage chooses how requests beyond the limit are paid for.
func (s *Service) SetOverage(ctx context.Context, c *call.Call, method string) error {
	c.Touch("billing", c.Who.Org)
	if err := c.Authorize(policy.UpdateBilling, c.Own()); err != nil {
		return err
	}
	if method != ByCredits && method != ByX402 {
		return invalid("invalid_method", "The method is credits or x402.")
	}
	c.Succeed("billing", c.Who.Org)
	return s.store.SetOverage(ctx, c.Who.Org, method, c.Event)
}

// The bounds of one grant.
const (
	maxGrantCents = 100_000_00
	creditDays    = 365
	maxCreditDays = 3650
)

// Grant gives an organisation credits. The caller is a platform admin.
func (s *Service) Grant(ctx context.Context, c *call.Call, org string, cents int64, description string, days int) (Entry, error) {
	c.Touch("org", org)
	if err := c.Authorize(policy.UpdateLimits, c.Own()); err != nil {
		return Entry{}, err
	}
	if days == 0 {
		days = creditDays
	}
	if cents < 1 || cents > maxGrantCents || days < 1 || days > maxCreditDays {
		return Entry{}, invalid("invalid_amount", "amount_cents is from 1 to 10,000,000 and expires_in_days from 1 to 3,650.")
	}
	if description = strings.TrimSpace(description); description == "" {
		description = "Granted by the platform"
	}
	if utf8.RuneCountInString(description) > 200 || !utf8.ValidString(description) || strings.ContainsFunc(description, unicode.IsControl) {
		return Entry{}, invalid("invalid_description", "A description has at most 200 characters, and no control characters.")
	}
	c.Succeed("org", org)
	return s.Credit(ctx, Entry{Org: org, Type: Granted, Amount: cents, Description: description, At: c.Now}, days, c.Event)
}

// Credit appends a credit to the ledger, for days. It decides nothing: callers
// have. With a reference it is done once, whoever asks again: Conflict.
func (s *Service) Credit(ctx context.Context, e Entry, days int, ev *audit.Event) (Entry, error) {
	e.ID, e.At = ids.NewSorted(), stamp.Of(e.At)
	if err := s.Flush(ctx); err != nil {
		return Entry{}, err
	}
	return s.store.AddCredits(ctx, e, e.At.AddDate(0, 0, days), ev)
}

// MayPay returns nil when the caller may spend its organisation's money.
func (s *Service) MayPay(c *call.Call) error {
	c.Touch("billing", c.Who.Org)
	return c.Authorize(policy.UpdateBilling, c.Own())
}
