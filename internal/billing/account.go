package billing

import (
	"slices"
	"time"
)

// The ways to pay for requests beyond the limit.
const (
	ByCredits = "credits"
	ByX402    = "x402"
)

// Account is how an organisation stands.
type Account struct {
	Org       string
	Tier      Tier      // empty: the server's default
	TierEnds  time.Time // zero: never
	Paid      Paid      // the subscription that is live, if there is one
	Override  *int64    // requests a month, instead of the tier's
	Sponsored bool
	Overage   string // ByCredits or ByX402

	Used       int64 // requests of the month, of all nodes
	Credits    int64 // cents that are left and have not expired
	Owed       int64 // millionths of a dollar that are not in the ledger yet
	CreditsEnd time.Time
	Soon       bool // some of them end soon
	Unsettled  bool // the ledger lacks a debt or an expiry

	// Of the server.
	DefaultTier  string
	RequestPrice string // in dollars; empty: the default
	FreeRequests string // of the free tier; empty: the contract's
}

// soon is when credits count as about to end.
const soon = 30 * 24 * time.Hour

// Complete fills in what follows at a moment from the rows that the account was read
// from. ended counts the lots that hold credits which have expired.
func (a *Account) Complete(ended int64, now time.Time) {
	if a.Overage == "" {
		a.Overage = ByCredits
	}
	a.Soon = !a.CreditsEnd.IsZero() && a.CreditsEnd.Before(now.Add(soon))
	a.Unsettled = a.Owed >= MicrosPerCent && a.Credits+ended > 0 || ended > 0
}

// Paid is a subscription. It never takes anything away: the higher one of its tier
// and of the one that the organisation has otherwise holds.
type Paid struct {
	Tier             Tier
	Interval, Status string
	PeriodEnd        time.Time
	Until            time.Time // the tier holds until then
}

// subscribed reports whether the subscription is what the tier comes from.
func (a *Account) subscribed(now time.Time) bool {
	return a.Paid.Tier != "" && now.Before(a.Paid.Until) && rank(a.Paid.Tier) >= rank(a.granted(now))
}

// granted is the tier without the subscription.
func (a *Account) granted(now time.Time) Tier {
	tier := a.Tier
	if tier == "" || !a.TierEnds.IsZero() && !now.Before(a.TierEnds) {
		tier = Tier(a.DefaultTier)
	}
	if _, known := CapsOf(tier); !known {
		tier = Enterprise
	}
	return tier
}

func rank(t Tier) int { return slices.Index(Tiers(), t) }

// Caps are what holds for the organisation at a moment.
func (a *Account) Caps(now time.Time) Caps {
	tier := a.granted(now)
	if a.subscribed(now) {
		tier = a.Paid.Tier
	}
	caps, _ := CapsOf(tier)
	if n, err := parseCount(a.FreeRequests); err == nil && caps.Tier == Free {
		caps.Requests = n
	}
	if a.Override != nil {
		caps.Requests = *a.Override
	}
	return caps
}

// Price is what a request beyond the limit costs, in millionths of a dollar.
func (a *Account) Price() int64 {
	if p, err := ParseDollars(a.RequestPrice); err == nil {
		return p
	}
	return defaultPrice
}

// defaultPrice is a tenth of a cent.
const defaultPrice = 1000

// Micros is what may still be spent, in millionths of a dollar.
func (a *Account) Micros() int64 { return a.Credits*MicrosPerCent - a.Owed }

// MicrosPerCent turns cents into millionths of a dollar.
const MicrosPerCent = 10_000

// changes returns when the account next changes by itself; the zero time: never.
func (a *Account) changes(now time.Time) time.Time {
	var next time.Time
	for _, t := range []time.Time{a.TierEnds, a.CreditsEnd, a.Paid.Until} {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// month is the bucket that a moment counts in, and when it ends.
func month(now time.Time) (name string, ends time.Time) {
	y, m, _ := now.UTC().Date()
	return now.UTC().Format("2006-01"), time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
}
