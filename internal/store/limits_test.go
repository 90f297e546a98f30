package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestOneBucketServesAllNodes(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	nodes := []*store.DB{dbkit.Open(t, cfg), dbkit.Open(t, cfg)}
	const slow = 1.0 / 3600 // nothing comes back while the test runs
	var taken atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for range 3 {
				wait, err := nodes[i%2].Take(t.Context(), "guess 192.0.2.1", slow, 25, 1)
				switch {
				case err != nil:
					t.Error(err)
				case wait == 0:
					taken.Add(1)
				case wait > time.Hour:
					t.Errorf("to wait %v, where an hour brings one", wait)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() != 25 {
		t.Errorf("%d requests of a bucket of 25", taken.Load())
	}
	if wait, err := nodes[0].Take(t.Context(), "guess 192.0.2.2", slow, 25, 25); wait != 0 || err != nil {
		t.Errorf("another's bucket: %v, %v", wait, err)
	}
	if wait, err := nodes[1].Take(t.Context(), "guess 192.0.2.2", slow, 25, 1); wait == 0 || err != nil {
		t.Errorf("after 25 at once: %v, %v", wait, err)
	}
}

func TestFullBucketsAreSweptAndOthersStay(t *testing.T) {
	db := dbkit.Open(t, dbkit.Engines["postgres"](t))
	for key, perSecond := range map[string]float64{"fast": 1000, "slow": 1.0 / 3600} {
		if _, err := db.Take(t.Context(), key, perSecond, 5, 1); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int) { dbkit.Scan(t, db, "SELECT count(*) FROM rate_limits", nil, &n); return n }
	if err := db.SweepLimits(t.Context()); err != nil || count() != 2 {
		t.Errorf("%v, %d rows after a sweep at once", err, count())
	}
	dbkit.Exec(t, db, "UPDATE rate_limits SET full_at = full_at - 120000000")
	if err := db.SweepLimits(t.Context()); err != nil || count() != 1 {
		t.Errorf("%v, %d rows, want the bucket that is not full", err, count())
	}
}
