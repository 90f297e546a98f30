package sqldb_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

const cutListeners = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`

// listeners is how many nodes listen on the database.
func listeners(t *testing.T, db *store.DB) (n int) {
	dbkit.Scan(t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`, nil, &n)
	return n
}

func TestAnotherNodesChangeIsHeardAndFoundWithoutHearing(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	here, there := dbkit.Open(t, cfg), dbkit.Open(t, cfg)
	dbkit.Until(t, "both listen", func() bool { return listeners(t, here) == 2 })
	change := func() time.Duration {
		t.Helper()
		before, ok := there.Epoch()
		if !ok {
			t.Fatal("the epoch is not known")
		}
		if err := moveIt(t, here); err != nil {
			t.Fatal(err)
		}
		return dbkit.Until(t, "the other node sees it", func() bool { now, ok := there.Epoch(); return !ok || now != before })
	}
	t.Logf("heard after %v", change())
	// Each change is made when the listeners have just been cut.
	var worst time.Duration
	for range 5 {
		var n int
		dbkit.Until(t, "a listener to cut", func() bool { dbkit.Scan(t, here, cutListeners, nil, &n); return n > 0 })
		worst = max(worst, change())
	}
	t.Logf("without hearing found after %v at most", worst)
	dbkit.Until(t, "both listen again", func() bool { return listeners(t, here) == 2 })
}

func TestAChangeIsToldThatNobodyPollsFor(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	here := dbkit.Open(t, cfg)
	woken := sqldb.Listen(t, cfg)
	<-woken // it listens now
	if err := moveIt(t, here); err != nil {
		t.Fatal(err)
	}
	select {
	case <-woken:
	case <-time.After(time.Minute):
		t.Fatal("nothing was heard")
	}
}

func moveIt(t *testing.T, db *store.DB) error {
	org := dbkit.NewOrg()
	return db.Write(t.Context(), org, func(tx store.Tx) error { tx.Changed(org); return nil })
}
