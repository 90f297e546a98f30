package sqldb_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// TestPostgresGoesAndComesBack: while the server is down every call says so; when
// it is back the same handle works, and what was acknowledged is there.
func TestPostgresGoesAndComesBack(t *testing.T) {
	cluster := pgtest.Start(t, pgtest.Durable())
	db, org := dbkit.Open(t, store.Config{PostgresDSN: cluster.DSN(t)}), dbkit.NewOrg()
	var acknowledged atomic.Int64
	said := map[string]bool{}
	var mu sync.Mutex
	var stop atomic.Bool
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				name := fmt.Sprint(w, ".", i)
				err := db.Write(t.Context(), org, func(tx store.Tx) error {
					tx.Append(dbkit.Event(org))
					return dbkit.Remember(name)(tx)
				})
				switch {
				case err == nil:
					acknowledged.Add(1)
					mu.Lock()
					said[name] = true
					mu.Unlock()
				case !fault.Is(err, fault.Unavailable):
					t.Errorf("a write while the server comes and goes: %v", err)
				}
			}
		})
	}
	progress := func() {
		t.Helper()
		before := acknowledged.Load()
		for deadline := time.Now().Add(time.Minute); acknowledged.Load() < before+20; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no write gets through")
			}
		}
	}
	progress()
	for _, end := range []func(testing.TB){cluster.Kill9, cluster.Stop} {
		end(t)
		// Sessions that are open outlive a SIGKILL of the server by a moment.
		for what, call := range map[string]func() error{
			"a read":   func() error { _, err := db.Vault(t.Context(), dbkit.NewOrg()); return err },
			"an event": func() error { return db.Append(t.Context(), dbkit.Event(org)) },
			"a ping":   func() error { return db.Ping(t.Context()) },
		} {
			err := call()
			for deadline := time.Now().Add(time.Minute); !fault.Is(err, fault.Unavailable); err = call() {
				if time.Now().After(deadline) || err != nil && !fault.Is(err, fault.NotFound) {
					t.Fatalf("%s while the server is down: %v", what, err)
				}
			}
		}
		cluster.Restart(t)
		progress()
	}
	stop.Store(true)
	wg.Wait()
	rows := dbkit.Remembered(t, db)
	for name := range said {
		if !rows[name] {
			t.Errorf("the acknowledged write %s is lost", name)
		}
	}
	r := dbkit.Verify(t, dbkit.NewLog(t, db), org)
	if !r.OK || r.Events < uint64(len(said)) {
		t.Errorf("the log of %d acknowledged writes: %+v", len(said), r)
	}
}

// TestAnotherNodeSeesAChangeOfPolicy: the bound of a second is Epoch's own, which
// counts as unknown when it is older; so the test waits for either.
func TestAnotherNodeSeesAChangeOfPolicy(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	here, there := dbkit.Open(t, cfg), dbkit.Open(t, cfg)
	v := vault.Vault{ID: dbkit.NewOrg(), Org: dbkit.NewOrg(), Name: "v", CreatedBy: dbkit.NewOrg(), CreatedByKind: policy.KindUser, CreatedAt: time.Now()}
	g := vault.Grant{ID: dbkit.NewOrg(), Vault: v.ID, Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: dbkit.NewOrg(), CreatedAt: time.Now()}
	for _, change := range []func() error{
		func() error { return here.AddVault(t.Context(), v, nil) },
		func() error { return here.AddGrant(t.Context(), v.Org, g, nil) },
		func() error { return here.RemoveGrant(t.Context(), v.Org, v.ID, g.ID, nil) },
	} {
		before, known := there.Epoch()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for {
			now, stillKnown := there.Epoch()
			if known && stillKnown && now == before && time.Since(began) > time.Second {
				t.Fatal("a second later the other node still trusts what it knew")
			}
			if stillKnown && now != before || !known && stillKnown {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("the other node knows no epoch")
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestTheEpochIsUnknownWhileTheServerIsDown(t *testing.T) {
	cluster := pgtest.Start(t)
	db := dbkit.Open(t, store.Config{PostgresDSN: cluster.DSN(t)})
	await := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if _, known := db.Epoch(); known == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the epoch is not known: want %v", want)
			}
		}
	}
	await(true)
	cluster.Kill9(t)
	await(false)
	cluster.Restart(t)
	await(true)
}

func TestARequestThatIsGivenUpDoesNotCountAsOutage(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := db.Vault(ended, dbkit.NewOrg())
		if fault.CodeOf(err) != "request_cancelled" {
			t.Errorf("got %v", err)
		}
		if _, err := db.Vault(t.Context(), dbkit.NewOrg()); !fault.Is(err, fault.NotFound) {
			t.Errorf("the next read: %v", err)
		}
	})
}
