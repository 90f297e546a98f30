package billing

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Report is the current month of an organisation.
type Report struct {
	Caps  Caps
	Month Usage
}

// Usage tells what the caller's organisation used this month. What this node
// counted is in it to the last request.
func (s *Service) Usage(ctx context.Context, c *call.Call) (Report, error) {
	a, err := s.current(ctx, c)
	if err != nil {
		return Report{}, err
	}
	name, _ := month(c.Now)
	u, err := s.store.Usage(ctx, c.Who.Org, name)
	return Report{Caps: a.Caps(c.Now), Month: u}, err
}

// Event is one counted request, as the history shows it.
type Event struct {
	ID, Org       string
	PrincipalKind policy.PrincipalKind
	PrincipalID   string
	Method        string
	Endpoint      string // the route: a path could name a secret
	Status        int
	Price         int64 // in millionths of a dollar; 0: not paid
	At            time.Time
}

// MaxHistory is how many requests the history goes back.
const MaxHistory = 200

// History returns the last requests of the caller's organisation, newest first.
// When there were more than a node remembers in a second, some are left out.
func (s *Service) History(ctx context.Context, c *call.Call, limit int) ([]Event, error) {
	if _, err := s.current(ctx, c); err != nil {
		return nil, err
	}
	return s.store.UsageEvents(ctx, c.Who.Org, min(limit, MaxHistory))
}

// Resources is how much of everything an organisation has.
type Resources struct {
	Vaults, Secrets, Agents, Members, Shares int64
}

// Subscription is what an organisation has and may have.
type Subscription struct {
	Account   Account
	Caps      Caps
	Ends      time.Time // of the tier; zero: never
	Interval  string    // monthly, yearly, or empty when it is not paid for
	Status    string    // active, trialing or past_due
	Balance   int64
	Requests  int64
	Resources Resources
}

// Subscription tells the caller's organisation how it stands.
func (s *Service) Subscription(ctx context.Context, c *call.Call) (Subscription, error) {
	a, err := s.current(ctx, c)
	if err != nil {
		return Subscription{}, err
	}
	out := Subscription{Account: a, Caps: a.Caps(c.Now), Balance: max(a.Credits, 0), Requests: a.Used, Status: "active"}
	if a.TierEnds.After(c.Now) {
		out.Ends = a.TierEnds
	}
	if a.subscribed(c.Now) {
		out.Ends, out.Interval, out.Status = a.Paid.PeriodEnd, a.Paid.Interval, a.Paid.Status
	}
	out.Resources, err = s.store.Resources(ctx, c.Who.Org)
	return out, err
}

// current lets the caller read, and returns its organisation's account with
// everything that this node knows written down first.
func (s *Service) current(ctx context.Context, c *call.Call) (Account, error) {
	c.Touch("billing", c.Who.Org)
	if err := c.Authorize(policy.ReadBilling, c.Own()); err != nil {
		return Account{}, err
	}
	if err := s.Flush(ctx); err != nil {
		return Account{}, err
	}
	return s.settled(ctx, c.Who.Org, c.Now)
}

// settled returns the account of an organisation whose ledger lacks nothing.
func (s *Service) settled(ctx context.Context, org string, now time.Time) (Account, error) {
	name, _ := month(now)
	a, err := s.store.BillingAccount(ctx, org, name, now)
	if err != nil || !a.Unsettled {
		return a, err
	}
	if err := s.store.Settle(ctx, org, now); err != nil {
		return a, err
	}
	return s.store.BillingAccount(ctx, org, name, now)
}
