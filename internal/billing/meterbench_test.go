package billing_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
)

// quiet is a store with one account and without a database. What it lacks panics.
type quiet struct {
	billing.Store
	account billing.Account
}

func (q quiet) EpochOf(string) (int64, bool) { return 1, true }

func (q quiet) BillingAccount(context.Context, string, string, time.Time) (billing.Account, error) {
	return q.account, nil
}

// BenchmarkAdmit is what counting adds to every request: here all of them are of
// one organisation, with nothing else to do, which is the worst there is. Run it
// with -cpu 1,2.
func BenchmarkAdmit(b *testing.B) {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	most := int64(1) << 60
	for name, a := range map[string]billing.Account{
		"unlimited": {Tier: billing.Enterprise},
		"limited":   {Override: &most},
	} {
		b.Run(name, func(b *testing.B) {
			s := billing.New(quiet{account: a}, func() time.Time { return at }, slog.New(slog.DiscardHandler))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var e billing.Event
				for pb.Next() {
					p, err := s.Admit(b.Context(), "org", at, false)
					if err != nil {
						b.Error(err)
						return
					}
					_ = p.Level()
					p.Done(&e)
				}
			})
		})
	}
}
