package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// bothNodes runs a test on PostgreSQL with two nodes, and on SQLite, which one
// process serves, with that one twice.
func bothNodes(t *testing.T, test func(t *testing.T, nodes [2]*store.DB)) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		first := dbkit.Open(t, cfg)
		if cfg.PostgresDSN == "" {
			test(t, [2]*store.DB{first, first})
			return
		}
		test(t, [2]*store.DB{first, dbkit.Open(t, cfg)})
	})
}

// compete runs n things at once, and wants so many to be done and all others
// refused with the code.
func compete(t *testing.T, what string, n, done int, code string, do func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range errs {
		wg.Go(func() {
			<-begin
			errs[i] = do(i)
		})
	}
	close(begin)
	wg.Wait()
	got := 0
	for _, err := range errs {
		switch {
		case err == nil:
			got++
		case !fault.Is(err, fault.Conflict) || fault.CodeOf(err) != code:
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	if got != done {
		t.Errorf("%s: %d were done, want %d", what, got, done)
	}
}

// The admins of these tests are of an organisation each: none holds another's
// head of the log.
func TestAdminsOfTwoNodesRenameChainsToOneName(t *testing.T) {
	bothNodes(t, func(t *testing.T, nodes [2]*store.DB) {
		// One at each node, so that each is alone in its transaction: of several that
		// share one, a failure is tried again, and that would hide it.
		const n = 2
		chains := make([]intents.Chain, n)
		for i := range chains {
			chains[i] = intents.Chain{ID: dbkit.NewOrg(), Name: fmt.Sprint("own-", i), DisplayName: "x", ChainID: int64(1000 + i), NativeCurrency: "X", CreatedAt: time.Now(), UpdatedAt: time.Now()}
			org := dbkit.NewOrg()
			if err := nodes[0].AddChain(t.Context(), org, chains[i], 100, dbkit.Event(org)); err != nil {
				t.Fatal(err)
			}
		}
		for round := range 40 {
			name, number := fmt.Sprint("wanted-", round), int64(2000+round)
			compete(t, "one name", n, 1, "chain_taken", func(i int) error {
				org := dbkit.NewOrg()
				_, err := nodes[i%2].ChangeChain(t.Context(), org, chains[i].ID, func(c *intents.Chain) error { c.Name = name; return nil }, dbkit.Event(org))
				return err
			})
			compete(t, "one number, of new chains and old", n, 1, "chain_taken", func(i int) error {
				org := dbkit.NewOrg()
				if i < n/2 {
					c := chains[i]
					c.ID, c.Name, c.ChainID = dbkit.NewOrg(), fmt.Sprint("new-", round, "-", i), number
					return nodes[i%2].AddChain(t.Context(), org, c, 100, dbkit.Event(org))
				}
				_, err := nodes[i%2].ChangeChain(t.Context(), org, chains[i].ID, func(c *intents.Chain) error { c.ChainID = number; return nil }, dbkit.Event(org))
				return err
			})
		}
	})
}

func TestAdminsOfTwoNodesMakeNoMoreThanThereMayBe(t *testing.T) {
	bothNodes(t, func(t *testing.T, nodes [2]*store.DB) {
		all, err := nodes[0].EVMChains(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		compete(t, "chains", 24, 5, "too_many_chains", func(i int) error {
			org := dbkit.NewOrg()
			return nodes[i%2].AddChain(t.Context(), org, intents.Chain{ID: dbkit.NewOrg(), Name: fmt.Sprint("c", i), DisplayName: "x", ChainID: int64(3000 + i),
				NativeCurrency: "X", CreatedAt: time.Now(), UpdatedAt: time.Now()}, len(all)+5, dbkit.Event(org))
		})
		compete(t, "settings", 24, 5, "too_many_settings", func(i int) error {
			org := dbkit.NewOrg()
			return nodes[i%2].PutSettings(t.Context(), org, []billing.Setting{{Name: fmt.Sprint("s", i), Value: "v", By: "x", At: time.Now()}}, 5, dbkit.Event(org))
		})
		settings, err := nodes[1].Settings(t.Context())
		if err != nil || len(settings) != 5 {
			t.Errorf("%d settings are kept, %v", len(settings), err)
		}
		if all, err = nodes[1].EVMChains(t.Context()); err != nil || len(all) != 24 {
			t.Errorf("%d chains are kept, %v", len(all), err)
		}
	})
}
