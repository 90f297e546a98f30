package organisation

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/plot"
)

var usagePages = map[string]frame.Page{
	"GET /usage":          usage,
	"GET /usage/{$}":      func(v *frame.Visit) error { return v.Redirect("/usage") },
	"POST /usage/overage": setOverage,
}

// usageView is what the organisation uses, may use and has paid.
type usageView struct {
	Usage        *client.Usage
	Subscription *client.Subscription
	Balance      *client.CreditBalance
	Ledger       []client.CreditTransaction
	Events       []client.UsageEvent
	Requests     plot.Plot
	Credits      plot.Plot
	Parts        []usedPart
	Leaf         frame.Leaf
}

// usedPart is how much of something is used.
type usedPart struct {
	Name  string
	Used  int64
	Limit string // empty: any number
	Share int    // of the limit, in hundredths
}

func usage(v *frame.Visit) error {
	var d usageView
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.Usage, err = v.API.Usage(ctx); return err })
	g.Go(func() (err error) { d.Subscription, err = v.API.Subscription(ctx); return err })
	g.Go(func() (err error) { d.Balance, err = v.API.CreditBalance(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Ledger, err = v.API.CreditTransactions(ctx, 1, 50); return frame.Seen(err) })
	g.Go(func() (err error) { d.Events, err = v.API.UsageHistory(ctx, 200); return frame.Seen(err) })
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
		p := usedPart{Name: v.T(one.name), Used: one.used.Used}
		if one.used.Limit != nil {
			p.Limit = strconv.FormatInt(*one.used.Limit, 10)
			p.Share = int(min(100, one.used.Used*100/max(1, *one.used.Limit)))
		}
		d.Parts = append(d.Parts, p)
	}
	d.Requests = requestPlot(v, d.Events)
	d.Credits = creditPlot(v, d.Ledger)
	d.Leaf = v.Leaf(len(d.Events))
	d.Events = d.Events[d.Leaf.From:d.Leaf.To]
	return v.Show(http.StatusOK, "usage", v.T("Usage"), d)
}

// requestPlot counts the last requests, by as long a time as they take up.
func requestPlot(v *frame.Visit, events []client.UsageEvent) plot.Plot {
	step, label := time.Minute, "15:04"
	if n := len(events); n > 0 {
		switch since := v.Now().Sub(events[n-1].CreatedAt); {
		case since > 48*time.Hour:
			step, label = 24*time.Hour, "01-02"
		case since > 30*time.Minute:
			step, label = time.Hour, "15:04"
		}
	}
	return plot.Draw(v.T("The last requests"), plot.Slots(events, v.Now(), step, 30, label, func(e client.UsageEvent) (time.Time, bool) { return e.CreatedAt, e.StatusCode >= 400 }),
		v.T("Time (UTC)"), v.T("Requests"), v.T("Refused"))
}

// creditPlot is what was left of credits after each row of the ledger, the oldest first.
func creditPlot(v *frame.Visit, ledger []client.CreditTransaction) plot.Plot {
	var bars []plot.Bar
	for _, row := range slices.Backward(ledger) {
		bars = append(bars, plot.Bar{Label: row.CreatedAt.UTC().Format("01-02 15:04"), Whole: row.BalanceAfterCents, Shown: dollars(row.BalanceAfterCents)})
	}
	return plot.Draw(v.T("Credits in cents"), bars, v.T("Time (UTC)"), v.T("Balance"))
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
func setOverage(v *frame.Visit) error {
	if err := v.API.SetOverageMethod(v.R.Context(), v.Form("method")); err != nil {
		return err
	}
	return v.Back("/usage", "The way to pay is changed.")
}
