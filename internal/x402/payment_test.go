package x402_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

func TestWhoGetsAPayment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := x402.Hold{Resource: [32]byte{1}, At: now}
	other := [32]byte{2}
	for name, c := range map[string]struct {
		payment *x402.Payment
		paid    bool
		code    string
	}{
		"nobody knows it":                 {nil, false, ""},
		"another holds it":                {&x402.Payment{State: x402.Held, Until: now.Add(1)}, false, x402.CodeHeld},
		"another held it":                 {&x402.Payment{State: x402.Held, Until: now}, false, ""},
		"it is paid for this resource":    {&x402.Payment{State: x402.Paid, Resource: h.Resource[:]}, true, ""},
		"it is paid for another resource": {&x402.Payment{State: x402.Paid, Resource: other[:]}, false, "payment_spent"},
		"it served":                       {&x402.Payment{State: x402.Served, Resource: h.Resource[:]}, false, "payment_spent"},
		"it was refused":                  {&x402.Payment{State: x402.Refused, Resource: h.Resource[:]}, false, "payment_spent"},
	} {
		paid, err := h.Takes(c.payment)
		world.WantCode(t, name, err, c.code)
		if paid != c.paid {
			t.Errorf("%s: paid is %v", name, paid)
		}
	}
}
