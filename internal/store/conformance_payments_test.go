package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

func (f *fixture) hold(id byte, change ...func(*x402.Hold)) *x402.Hold {
	h := &x402.Hold{
		ID: [32]byte{id}, Resource: [32]byte{1}, Attempt: ids.New(), Org: f.org, Network: "eip155:8453", Price: 1000,
		At: moment, Until: moment.Add(time.Minute),
	}
	for _, c := range change {
		c(h)
	}
	return h
}

func testPayments(t *testing.T, f *fixture) {
	f.found(t)
	ctx := context.WithoutCancel(t.Context())
	for id := range byte(3) {
		var first *x402.Hold
		var won, held atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				h := f.hold(id)
				paid, err := f.HoldPayment(ctx, h)
				switch {
				case err == nil && !paid:
					won.Add(1)
					first = h
				case fault.CodeOf(err) == x402.CodeHeld:
					held.Add(1)
				default:
					t.Errorf("paid %v, %v", paid, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || held.Load() != 99 {
			t.Fatalf("%d hold one payment, and %d were told so", won.Load(), held.Load())
		}
		first.Transaction, first.Payer = ids.New(), "0xp"
		must(t, f.SettlePayment(ctx, first))
		// Given back, it goes to one of those who ask for the same.
		must(t, f.UnservePayment(ctx, first))
		if err := f.UnservePayment(ctx, first); !fault.Is(err, fault.Conflict) {
			t.Errorf("given back twice: %v", err)
		}
		if _, err := f.HoldPayment(ctx, f.hold(id, func(h *x402.Hold) { h.Resource[0]++ })); !fault.Is(err, fault.Conflict) {
			t.Errorf("for something else: %v", err)
		}
		var served atomic.Int64
		for range 50 {
			wg.Go(func() {
				h := f.hold(id)
				paid, err := f.HoldPayment(ctx, h)
				switch {
				case paid && err == nil && h.Transaction == first.Transaction && h.Payer == "0xp":
					served.Add(1)
				case !fault.Is(err, fault.Conflict) && fault.CodeOf(err) != x402.CodeHeld:
					t.Errorf("paid %v, %v, %q", paid, err, h.Transaction)
				}
			})
		}
		wg.Wait()
		if served.Load() != 1 {
			t.Errorf("what was given back served %d", served.Load())
		}
		if paid, err := f.LookPayment(ctx, f.hold(id)); paid || !fault.Is(err, fault.Conflict) {
			t.Errorf("afterwards: %v, %v", paid, err)
		}
	}
}

func testPaymentHolds(t *testing.T, f *fixture) {
	f.found(t)
	ctx := t.Context()
	take := func(h *x402.Hold, code string) {
		t.Helper()
		paid, err := f.HoldPayment(ctx, h)
		if paid || (err == nil) != (code == "") || err != nil && fault.CodeOf(err) != code {
			t.Fatalf("paid %v, %v, want %q", paid, err, code)
		}
	}
	slow := f.hold(1)
	take(slow, "")
	if paid, err := f.LookPayment(ctx, f.hold(1)); paid || fault.CodeOf(err) != x402.CodeHeld {
		t.Errorf("looked at while held: %v, %v", paid, err)
	}
	// A holder that is too slow has lost the payment: its settlement counts no more.
	later := f.hold(1, func(h *x402.Hold) { h.At, h.Until = moment.Add(time.Minute), moment.Add(2*time.Minute) })
	take(later, "")
	for what, move := range map[string]func(context.Context, *x402.Hold) error{
		"settled": f.SettlePayment, "refused": f.RefusePayment, "released": f.ReleasePayment, "given back": f.UnservePayment,
	} {
		if err := move(ctx, slow); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s by who lost it: %v", what, err)
		}
	}
	must(t, f.ReleasePayment(ctx, later))
	again := f.hold(1)
	take(again, "")
	must(t, f.RefusePayment(ctx, again))
	take(f.hold(1), "payment_spent")
	if err := f.SettlePayment(ctx, again); !fault.Is(err, fault.Conflict) {
		t.Errorf("settled after it was refused: %v", err)
	}
	// One transaction settles one payment.
	a, b := f.hold(2, func(h *x402.Hold) { h.Transaction = "0xaa" }), f.hold(3, func(h *x402.Hold) { h.Transaction = "0xaa" })
	take(a, "")
	take(b, "")
	must(t, f.SettlePayment(ctx, a))
	if err := f.SettlePayment(ctx, b); !fault.Is(err, fault.Conflict) {
		t.Errorf("the transaction of another: %v", err)
	}
	take(f.hold(3), "payment_spent")
	for id := byte(4); id < 6; id++ { // without a transaction there is none to compare
		h := f.hold(id)
		take(h, "")
		must(t, f.SettlePayment(ctx, h))
	}
	// Those that did not serve are forgotten some day, the others never.
	far := func(h *x402.Hold) { h.At = moment.AddDate(1, 0, 0) }
	take(f.hold(9, far), "")
	take(f.hold(1, far), "")
	take(f.hold(2, far), "payment_spent")
}
