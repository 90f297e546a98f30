package signedin

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var usagePages = map[string]page{
	"GET /usage":          usage,
	"GET /usage/{$}":      func(v *visit) error { return v.redirect("/usage") },
	"POST /usage/overage": setOverage,
}

// usageView is what the organisation uses, may use and has paid.
type usageView struct {
	Usage        *client.Usage
	Subscription *client.Subscription
	Balance      *client.CreditBalance
	Ledger       []client.CreditTransaction
	Events       []client.UsageEvent
	Requests     plot
	Credits      plot
	Parts        []usedPart
	Leaf         leaf
}

// usedPart is how much of something is used.
type usedPart struct {
	Name  string
	Used  int64
	Limit string // empty: any number
	Share int    // of the limit, in hundredths
}

func usage(v *visit) error {
	var d usageView
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.Usage, err = v.api.Usage(ctx); return err })
	g.Go(func() (err error) { d.Subscription, err = v.api.Subscription(ctx); return err })
	g.Go(func() (err error) { d.Balance, err = v.api.CreditBalance(ctx); return seen(err) })
	g.Go(func() (err error) { d.Ledger, err = v.api.CreditTransactions(ctx, 1, 50); return seen(err) })
	g.Go(func() (err error) { d.Events, err = v.api.UsageHistory(ctx, 200); return seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	u := d.Subscription.Usage
	for _, one := range []struct {
		name string
		used client.Used
	}{
		{"Requests this month", u.Requests}, {"Secrets", u.Secrets}, {"Agents", u.Agents}, {"Vaults", u.Vaults},
		{"Members", u.TeamMembers}, {"Transactions", u.IntentTransactions}, {"Shares", u.Shares},
	} {
		p := usedPart{Name: v.t(one.name), Used: one.used.Used}
		if one.used.Limit != nil {
			p.Limit = strconv.FormatInt(*one.used.Limit, 10)
			p.Share = int(min(100, one.used.Used*100/max(1, *one.used.Limit)))
		}
		d.Parts = append(d.Parts, p)
	}
	d.Requests = v.requestPlot(d.Events)
	d.Credits = v.creditPlot(d.Ledger)
	d.Leaf = leafOf(v, len(d.Events))
	d.Events = d.Events[d.Leaf.From:d.Leaf.To]
	return v.show(http.StatusOK, "usage", v.t("Usage"), d)
}

// requestPlot counts the last requests, by as long a time as they take up.
func (v *visit) requestPlot(events []client.UsageEvent) plot {
	step, label := time.Minute, "15:04"
	if n := len(events); n > 0 {
		switch since := v.Now().Sub(events[n-1].CreatedAt); {
		case since > 48*time.Hour:
			step, label = 24*time.Hour, "01-02"
		case since > 30*time.Minute:
			step, label = time.Hour, "15:04"
		}
	}
	return drawn(v.t("The last requests"), slots(events, v.Now(), step, 30, label, func(e client.UsageEvent) (time.Time, bool) { return e.CreatedAt, e.StatusCode >= 400 }),
		v.t("Time (UTC)"), v.t("Requests"), v.t("Refused"))
}

// creditPlot is what was left of credits after each row of the ledger, the oldest first.
func (v *visit) creditPlot(ledger []client.CreditTransaction) plot {
	var bars []bar
	for _, row := range slices.Backward(ledger) {
		bars = append(bars, bar{Label: row.CreatedAt.UTC().Format("01-02 15:04"), Whole: row.BalanceAfterCents, Shown: dollars(row.BalanceAfterCents)})
	}
	return drawn(v.t("Credits in cents"), bars, v.t("Time (UTC)"), v.t("Balance"))
}

// dollars is an amount of cents.
func dollars(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	rest := strconv.FormatInt(cents%100, 10)
	if len(rest) == 1 {
		rest = "0" + rest
	}
	return sign + "$" + strconv.FormatInt(cents/100, 10) + "." + rest
}

// Dollars is an amount of cents, for templates.
func (usageView) Dollars(cents int64) string { return dollars(cents) }

// setOverage chooses how requests beyond the month's limit are paid for.
func setOverage(v *visit) error {
	if err := v.api.SetOverageMethod(v.r.Context(), v.form("method")); err != nil {
		return err
	}
	return v.back("/usage", "The way to pay is changed.")
}
