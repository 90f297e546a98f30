package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Usage is the current month of the caller's organisation. FreeTierLimit is nil
// where there is no limit.
type Usage struct {
	BillingTier   string `json:"billing_tier"`
	FreeTierLimit *int64 `json:"free_tier_limit"`
	CurrentMonth  struct {
		TotalRequests int64  `json:"total_requests"`
		PaidRequests  int64  `json:"paid_requests"`
		FreeRequests  int64  `json:"free_requests"`
		TotalCostUSD  string `json:"total_cost_usd"`
	} `json:"current_month"`
}

// UsageEvent is one counted request. Endpoint is the route, not the path.
type UsageEvent struct {
	ID            string    `json:"id"`
	PrincipalType string    `json:"principal_type"`
	PrincipalID   string    `json:"principal_id"`
	Method        string    `json:"method"`
	Endpoint      string    `json:"endpoint"`
	StatusCode    int       `json:"status_code"`
	PriceUSD      string    `json:"price_usd"`
	IsPaid        bool      `json:"is_paid"`
	CreatedAt     time.Time `json:"created_at"`
}

// Used is how many there are of something, and how many there may be; nil: any number.
type Used struct {
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit"`
}

// Subscription is what the caller's organisation has and may have.
type Subscription struct {
	Tier               string     `json:"tier"`
	Interval           string     `json:"interval"`
	PeriodEnd          *time.Time `json:"period_end"`
	Status             string     `json:"status"`
	CreditBalanceCents int64      `json:"credit_balance_cents"`
	CreditBalanceUSD   string     `json:"credit_balance_usd"`
	OverageMethod      string     `json:"overage_method"`
	Usage              struct {
		Requests           Used `json:"requests"`
		Secrets            Used `json:"secrets"`
		Agents             Used `json:"agents"`
		Vaults             Used `json:"vaults"`
		TeamMembers        Used `json:"team_members"`
		IntentTransactions Used `json:"intent_transactions"`
		Shares             Used `json:"shares"`
	} `json:"usage"`
}

// CreditBalance is what the caller's organisation may spend.
type CreditBalance struct {
	BalanceCents         int64  `json:"balance_cents"`
	BalanceUSD           string `json:"balance_usd"`
	ExpiringWithin90Days struct {
		AmountCents    int64      `json:"amount_cents"`
		EarliestExpiry *time.Time `json:"earliest_expiry"`
	} `json:"expiring_within_90_days"`
	ExpiringWithin30DaysCents int64 `json:"expiring_within_30d_cents"`
}

// CreditTransaction is a row of the ledger. AmountCents is negative when taken.
type CreditTransaction struct {
	ID                string    `json:"id"`
	Type              string    `json:"type"`
	AmountCents       int64     `json:"amount_cents"`
	BalanceAfterCents int64     `json:"balance_after_cents"`
	Description       string    `json:"description"`
	CreatedAt         time.Time `json:"created_at"`
}

// Usage tells how many requests the caller's organisation made this month.
func (c *Client) Usage(ctx context.Context) (*Usage, error) {
	out := new(Usage)
	return got(out, c.read(ctx, out, "billing", "usage"))
}

// UsageHistory lists the last requests, newest first. limit 0: as many as the
// server likes.
func (c *Client) UsageHistory(ctx context.Context, limit int) ([]UsageEvent, error) {
	var out struct {
		Events []UsageEvent `json:"events"`
	}
	err := c.list(ctx, &out, map[string]int{"limit": limit}, "billing", "history")
	return out.Events, err
}

// Subscription tells the tier of the caller's organisation, and what is used of it.
func (c *Client) Subscription(ctx context.Context) (*Subscription, error) {
	out := new(Subscription)
	return got(out, c.read(ctx, out, "billing", "subscription"))
}

// CreditBalance tells the credits of the caller's organisation.
func (c *Client) CreditBalance(ctx context.Context) (*CreditBalance, error) {
	out := new(CreditBalance)
	return got(out, c.read(ctx, out, "billing", "credits", "balance"))
}

// CreditTransactions lists a page of the ledger, newest first. Pages count from 1;
// 0 is the server's choice of either.
func (c *Client) CreditTransactions(ctx context.Context, page, limit int) ([]CreditTransaction, error) {
	var out struct {
		Transactions []CreditTransaction `json:"transactions"`
	}
	err := c.list(ctx, &out, map[string]int{"page": page, "limit": limit}, "billing", "credits", "transactions")
	return out.Transactions, err
}

// SetOverageMethod chooses how requests beyond the month's limit are paid for:
// "credits" or "x402".
func (c *Client) SetOverageMethod(ctx context.Context, method string) error {
	return c.write(ctx, http.MethodPatch, map[string]string{"method": method}, nil, "billing", "overage-method")
}

// list reads the route of parts with the numbers of the query that are not 0.
func (c *Client) list(ctx context.Context, out any, numbers map[string]int, parts ...string) error {
	p, err := route(parts...)
	if err != nil {
		return err
	}
	q := url.Values{}
	for name, n := range numbers {
		if n != 0 {
			q.Set(name, strconv.Itoa(n))
		}
	}
	return c.call(ctx, request{method: http.MethodGet, path: p, query: q, repeatable: true}, out)
}
