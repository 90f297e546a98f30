package commit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func remember(name string) commit.Work {
	return commit.WorkFunc(func(tx *commit.Tx) error { return dbkit.Remember(name)(store.Tx{Tx: tx}) })
}

// TestWhatNobodyWaitsForKeepsItsPlace: what is written after it finds it, and so does a reader that
// catches up; what fails says so and harms nobody.
func TestWhatNobodyWaitsForKeepsItsPlace(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		told := make(chan error, 1)
		tell := func(err error) { told <- err }
		for range 20 {
			name, order := dbkit.NewOrg(), []string{}
			db.WriteLater(t.Context(), org, commit.WorkFunc(func(*commit.Tx) error { order = append(order, "later"); return nil }), tell)
			if err := db.Write(t.Context(), org, func(store.Tx) error { order = append(order, "after"); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := <-told; err != nil || len(order) != 2 || order[0] != "later" {
				t.Fatalf("%v, %v", order, err)
			}
			db.WriteLater(t.Context(), org, remember(name), tell)
			if err := db.CatchUp(t.Context(), org); err != nil {
				t.Fatal(err)
			}
			if !dbkit.Remembered(t, db)[name] {
				t.Fatal("who caught up does not find it")
			}
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		alone, name := dbkit.NewOrg(), dbkit.NewOrg()
		db.WriteLater(t.Context(), org, remember(alone), tell)
		if err := <-told; err != nil || !dbkit.Remembered(t, db)[alone] {
			t.Errorf("what nothing follows: %v", err)
		}
		refused := fault.New(fault.Conflict, "refused", "")
		db.WriteLater(t.Context(), org, commit.WorkFunc(func(*commit.Tx) error { return refused }), tell)
		if err := db.Write(t.Context(), org, dbkit.Remember(name)); err != nil || !dbkit.Remembered(t, db)[name] {
			t.Errorf("beside what was refused: %v", err)
		}
		if err := <-told; !errors.Is(err, refused) {
			t.Errorf("what was refused: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		db.WriteLater(gone, org, remember(name), tell)
		if err := <-told; err == nil {
			t.Error("what never began says that it is written")
		}
		if err := db.CatchUp(t.Context(), org); err != nil {
			t.Error(err)
		}
	})
}

// TestWhatNobodyWaitsForIsThereAfterAStop: a server that is told to stop writes what waits.
func TestWhatNobodyWaitsForIsThereAfterAStop(t *testing.T) {
	cfg, org, name := store.Config{Dir: t.TempDir()}, dbkit.NewOrg(), dbkit.NewOrg()
	db := dbkit.Open(t, cfg)
	told := make(chan error, 2)
	db.WriteLater(t.Context(), org, remember(name), func(err error) { told <- err })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil {
		t.Error(err)
	}
	db.WriteLater(t.Context(), org, remember(name), func(err error) { told <- err })
	if err := <-told; !fault.Is(err, fault.Unavailable) {
		t.Errorf("after the stop: %v", err)
	}
	if !dbkit.Remembered(t, dbkit.Open(t, cfg))[name] {
		t.Error("it is not there after the stop")
	}
}

// TestMoreThanABatchKeepsItsOrder: what does not fit into one transaction goes into the next ones, whoever writes
// them, and nothing is left waiting.
func TestMoreThanABatchKeepsItsOrder(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		release := dbkit.HoldWriter(t, db, org)
		const many = 2*commit.MaxBatch + 10
		order, told := []int{}, make(chan error, many)
		for i := range many {
			db.WriteLater(t.Context(), org, commit.WorkFunc(func(*commit.Tx) error { order = append(order, i); return nil }), func(err error) { told <- err })
		}
		done := make(chan error, 1)
		go func() {
			done <- db.Write(t.Context(), org, func(store.Tx) error { order = append(order, many); return nil })
		}()
		queue(t, db, many+1)
		if err := release(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for range many {
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		if len(order) != many+1 || !slices.IsSorted(order) {
			t.Errorf("%d were written, in the order %v", len(order), order)
		}
	})
}
