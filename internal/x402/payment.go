package x402

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// State is how far a payment is.
type State string

// The states of a payment.
const (
	Held    State = "held"
	Paid    State = "paid"   // settled, and what it is for was not served
	Served  State = "served" // settled
	Refused State = "refused"
)

// Payment is a payment as it is stored.
type Payment struct {
	State    State
	Resource []byte // what it is to serve: Hold.Resource
	Until    time.Time
}

// CodeHeld is the code of the store's answer while another holds a payment.
const CodeHeld = "payment_held"

// What the store says of a payment that a hold does not get.
var (
	ErrUsed = fault.New(fault.Conflict, "payment_spent", "This payment was used before.")
	ErrHeld = fault.New(fault.Unavailable, CodeHeld, "This payment is being used.")
)

// Remember is how long a payment that did not serve is remembered: longer than
// any signed transfer is good.
const Remember = 90 * 24 * time.Hour

// Takes says whether a hold gets a payment that may be known, nil: it is not. paid: it was
// settled before, for the same resource, and not served.
func (h *Hold) Takes(p *Payment) (paid bool, err error) {
	switch {
	case p == nil, p.State == Held && !p.Until.After(h.At):
		return false, nil
	case p.State == Held:
		return false, ErrHeld
	case p.State == Paid && string(p.Resource) == string(h.Resource[:]):
		return true, nil
	}
	return false, ErrUsed
}
