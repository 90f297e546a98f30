package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// TestTwoNodesHoldAPaymentOnce sends each payment to two nodes a hundred times.
func TestTwoNodesHoldAPaymentOnce(t *testing.T) {
	dsn := pgtest.Shared(t).DSN(t)
	nodes := []*store.DB{dbkit.Open(t, store.Config{PostgresDSN: dsn}), dbkit.Open(t, store.Config{PostgresDSN: dsn})}
	ctx := context.WithoutCancel(t.Context())
	at := time.Now()
	for id := range byte(5) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				// Of different organisations: nothing but the row makes them follow each other.
				h := &x402.Hold{
					ID: [32]byte{id}, Attempt: ids.New(), Org: dbkit.NewOrg(), Network: "eip155:8453", Price: 1, At: at, Until: at.Add(time.Minute),
				}
				if paid, err := nodes[i%2].HoldPayment(ctx, h); err == nil && !paid {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("payment %d is held %d times", id, won.Load())
		}
	}
}
