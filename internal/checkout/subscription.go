package checkout

import (
	"time"

	"github.com/stripe/stripe-go/v85"
)

// Remember is how long the id of an event is kept: longer than Stripe sends it again, and
// than its signature is good.
const Remember = 60 * 24 * time.Hour

// over reports whether a subscription has ended for good: Stripe revives none.
func (s *Subscription) over() bool {
	switch stripe.SubscriptionStatus(s.Status) {
	case stripe.SubscriptionStatusCanceled, stripe.SubscriptionStatusIncompleteExpired:
		return true
	default:
		return false
	}
}

// After is what is known of a subscription after s was said of it, where was is what was
// known before. False: that stays. Nothing follows an end, and an end counts whatever it
// comes after; of the rest the later counts. What is past due holds as long as what was
// paid for last did.
func (s Subscription) After(was *Subscription) (Subscription, bool) {
	if was == nil {
		return s, true
	}
	if was.Org != s.Org || was.over() || was.Said > s.Said && !s.over() {
		return *was, false
	}
	if s.Status == string(stripe.SubscriptionStatusPastDue) && !was.LiveUntil.IsZero() {
		s.LiveUntil = was.LiveUntil
	}
	return s, true
}
