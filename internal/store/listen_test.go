package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/store"
)

const cutListeners = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`

// listeners is how many nodes listen on the database.
func listeners(t *testing.T, db *store.DB) (n int) {
	db.Scan(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`, nil, &n)
	return n
}

func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > time.Minute {
			t.Fatalf("%s: not after a minute", what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func TestAnotherNodesChangeIsHeardAndFoundWithoutHearing(t *testing.T) {
	cfg := engines["postgres"](t)
	here, there := open(t, cfg), open(t, cfg)
	until(t, "both listen", func() bool { return listeners(t, here) == 2 })
	change := func() time.Duration {
		t.Helper()
		before, ok := there.Epoch()
		if !ok {
			t.Fatal("the epoch is not known")
		}
		if err := moveIt(t, here); err != nil {
			t.Fatal(err)
		}
		return until(t, "the other node sees it", func() bool { now, ok := there.Epoch(); return !ok || now != before })
	}
	t.Logf("heard after %v", change())
	// Each change is made when the listeners have just been cut.
	var worst time.Duration
	for range 5 {
		var n int
		until(t, "a listener to cut", func() bool { here.Scan(t, cutListeners, nil, &n); return n > 0 })
		worst = max(worst, change())
	}
	t.Logf("without hearing found after %v at most", worst)
	until(t, "both listen again", func() bool { return listeners(t, here) == 2 })
}

func TestAChangeIsToldThatNobodyPollsFor(t *testing.T) {
	cfg := engines["postgres"](t)
	here := open(t, cfg)
	woken := store.Listen(t, cfg)
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
	org := newOrg()
	return db.Write(t.Context(), org, func(tx *store.Tx) error { tx.Changed(org); return nil })
}
