package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type usageBody struct {
	Tier          string `json:"billing_tier" enum:"free,pro,business,enterprise"`
	FreeTierLimit *int64 `json:"free_tier_limit" nullable:"true" doc:"Requests a month that cost nothing; null: no limit."`
	CurrentMonth  struct {
		Total int64  `json:"total_requests"`
		Paid  int64  `json:"paid_requests"`
		Free  int64  `json:"free_requests"`
		Cost  string `json:"total_cost_usd"`
	} `json:"current_month"`
}

type usageEvent struct {
	ID            string    `json:"id" format:"uuid"`
	PrincipalType string    `json:"principal_type" enum:"user,agent"`
	PrincipalID   string    `json:"principal_id" format:"uuid"`
	Method        string    `json:"method"`
	Endpoint      string    `json:"endpoint" doc:"The route, without what was filled in."`
	StatusCode    int       `json:"status_code"`
	PriceUSD      string    `json:"price_usd"`
	IsPaid        bool      `json:"is_paid"`
	CreatedAt     time.Time `json:"created_at"`
}

type usageHistory struct {
	Events []usageEvent `json:"events"`
}

type usedOf struct {
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit" nullable:"true" doc:"null: no limit."`
}

type subscriptionBody struct {
	Tier          string     `json:"tier" enum:"free,pro,business,enterprise"`
	Interval      *string    `json:"interval" nullable:"true"`
	PeriodEnd     *time.Time `json:"period_end" nullable:"true"`
	Status        string     `json:"status" enum:"active,trialing,past_due"`
	BalanceCents  int64      `json:"credit_balance_cents"`
	BalanceUSD    string     `json:"credit_balance_usd"`
	OverageMethod string     `json:"overage_method" enum:"credits,x402"`
	Usage         struct {
		Requests    usedOf `json:"requests"`
		Secrets     usedOf `json:"secrets"`
		Agents      usedOf `json:"agents"`
		Vaults      usedOf `json:"vaults"`
		TeamMembers usedOf `json:"team_members"`
		Intents     usedOf `json:"intent_transactions"`
		Shares      usedOf `json:"shares"`
	} `json:"usage"`
}

type balanceBody struct {
	Cents    int64  `json:"balance_cents"`
	USD      string `json:"balance_usd"`
	Expiring struct {
		Cents    int64      `json:"amount_cents"`
		Earliest *time.Time `json:"earliest_expiry" nullable:"true"`
	} `json:"expiring_within_90_days"`
	Within30 int64 `json:"expiring_within_30d_cents"`
}

type ledgerEntry struct {
	ID          string    `json:"id" format:"uuid"`
	Type        string    `json:"type" enum:"grant,topup,usage,expiry"`
	Cents       int64     `json:"amount_cents"`
	After       int64     `json:"balance_after_cents"`
	Description string    `json:"description"`
	CreatedAt   time.Time `json:"created_at"`
}

type ledgerBody struct {
	Transactions []ledgerEntry `json:"transactions"`
	Page         int           `json:"page"`
	Limit        int           `json:"limit"`
}

type overageBody struct {
	Method string `json:"overage_method" enum:"credits,x402"`
}

// limitOf is null for no limit.
func limitOf(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

func entryOf(e *billing.Entry) ledgerEntry {
	return ledgerEntry{ID: e.ID, Type: e.Type, Cents: e.Amount, After: e.Balance, Description: e.Description, CreatedAt: e.At}
}

func (a *API) registerBilling() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/billing/usage", id: "get-usage", tag: "Billing",
		summary: "Tell how many requests your organisation made this month", action: policy.ReadBilling,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[usageBody], error) {
		r, err := a.billing.Usage(ctx, c)
		if err != nil {
			return nil, err
		}
		out := &body[usageBody]{usageBody{Tier: string(r.Caps.Tier), FreeTierLimit: limitOf(r.Caps.Requests)}}
		m := &out.Body.CurrentMonth
		m.Total, m.Paid, m.Free, m.Cost = r.Month.Total, r.Month.Paid, r.Month.Total-r.Month.Paid, billing.Dollars(r.Month.Cost)
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/billing/history", id: "list-usage", tag: "Billing",
		summary: "List the last requests of your organisation", action: policy.ReadBilling,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Limit int `query:"limit" minimum:"1" default:"50" doc:"At most 200; more is taken as 200."`
	}) (*body[usageHistory], error) {
		events, err := a.billing.History(ctx, c, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &body[usageHistory]{usageHistory{Events: make([]usageEvent, 0, len(events))}}
		for _, e := range events {
			out.Body.Events = append(out.Body.Events, usageEvent{
				ID: e.ID, PrincipalType: string(e.PrincipalKind), PrincipalID: e.PrincipalID, Method: e.Method, Endpoint: e.Endpoint,
				StatusCode: e.Status, PriceUSD: billing.Dollars(e.Price), IsPaid: e.Price > 0, CreatedAt: e.At,
			})
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/billing/subscription", id: "get-subscription", tag: "Billing",
		summary: "Tell what your organisation has and may have", action: policy.ReadBilling,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[subscriptionBody], error) {
		s, err := a.billing.Subscription(ctx, c)
		return answer(subscriptionOf(&s), err)
	})
	handle(a, op{
		method: http.MethodPatch, path: "/v1/billing/overage-method", id: "set-overage-method", tag: "Billing",
		summary: "Choose how requests beyond the limit are paid for", action: policy.UpdateBilling,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Body struct {
			Method  *string `json:"method,omitempty" nullable:"true" doc:"credits or x402."`
			Overage *string `json:"overage_method,omitempty" nullable:"true" doc:"Another name of method."`
		}
	}) (*body[overageBody], error) {
		method := deref(in.Body.Method)
		if method == "" {
			method = deref(in.Body.Overage)
		}
		return answer(overageBody{method}, a.billing.SetOverage(ctx, c, method))
	})
	a.registerCredits()
	a.registerCheckout()
}

func subscriptionOf(s *billing.Subscription) subscriptionBody {
	b := subscriptionBody{
		Tier: string(s.Caps.Tier), PeriodEnd: pointer(s.Ends), Interval: present(s.Interval), Status: s.Status, BalanceCents: s.Balance,
		BalanceUSD: billing.Cents(s.Balance), OverageMethod: s.Account.Overage,
	}
	u, r := &b.Usage, &s.Resources
	u.Requests = usedOf{s.Requests, limitOf(s.Caps.Requests)}
	u.Secrets = usedOf{r.Secrets, limitOf(s.Caps.Secrets)}
	u.Agents = usedOf{r.Agents, limitOf(s.Caps.Agents)}
	u.Vaults = usedOf{r.Vaults, limitOf(s.Caps.Vaults)}
	u.TeamMembers = usedOf{Used: r.Members}
	u.Shares = usedOf{Used: r.Shares}
	return b
}

func (a *API) registerCredits() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/billing/credits/balance", id: "get-credit-balance", tag: "Billing",
		summary: "Tell how much credit your organisation has", action: policy.ReadBilling,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[balanceBody], error) {
		b, err := a.billing.Balance(ctx, c)
		if err != nil {
			return nil, err
		}
		out := &body[balanceBody]{balanceBody{Cents: b.Cents, USD: billing.Cents(b.Cents), Within30: b.Within30}}
		out.Body.Expiring.Cents, out.Body.Expiring.Earliest = b.Within90, pointer(b.EarliestExpiry)
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/billing/credits/transactions", id: "list-credit-transactions", tag: "Billing",
		summary: "List what was credited and spent, newest first", action: policy.ReadBilling,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Page   int `query:"page" minimum:"1" maximum:"1000000" default:"1"`
		Limit  int `query:"limit" minimum:"1" default:"50" doc:"At most 200; more is taken as 200."`
		Offset int `query:"offset" minimum:"0" maximum:"1000000" default:"0" doc:"How many of the newest to leave out, beside those of earlier pages."`
	}) (*body[ledgerBody], error) {
		limit := min(in.Limit, billing.MaxHistory)
		all, err := a.billing.Transactions(ctx, c, limit, (in.Page-1)*limit+in.Offset)
		if err != nil {
			return nil, err
		}
		out := &body[ledgerBody]{ledgerBody{Transactions: make([]ledgerEntry, 0, len(all)), Page: in.Page, Limit: limit}}
		for i := range all {
			out.Body.Transactions = append(out.Body.Transactions, entryOf(&all[i]))
		}
		return out, nil
	})
}
