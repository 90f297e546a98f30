package commit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// queue waits until n ops wait for the writer.
func queue(t *testing.T, db *store.DB, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); db.Writer().Queued() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d ops wait, want %d", db.Writer().Queued(), n)
		}
	}
}

func TestParallelWritersAreAllAcknowledgedAndThere(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		const writers, each = 64, 20
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					name, ev := fmt.Sprint(w, ".", i), dbkit.Event(org)
					if err := db.Write(t.Context(), org, func(tx store.Tx) error {
						tx.Append(ev)
						return dbkit.Remember(name)(tx)
					}); err != nil {
						t.Error(err)
					}
					if !ev.Committed {
						t.Error("an acknowledged write's event is not in the log")
					}
				}
			})
		}
		wg.Wait()
		if n := len(dbkit.Remembered(t, db)); n != writers*each {
			t.Errorf("%d rows, want %d", n, writers*each)
		}
		if n := len(dbkit.Chain(t, db, org)); n != writers*each {
			t.Errorf("%d events, want %d", n, writers*each)
		}
	})
}

// rememberLast is dbkit.Remember for Tx.Last.
func rememberLast(name string) commit.Stmt {
	return commit.Stmt{Query: `INSERT INTO doomed_keys (id, created_at) VALUES ($1, 1)`, Args: []any{name}}
}

func TestAnOpThatFailsLeavesItsBatchMatesAlone(t *testing.T) {
	own := fault.New(fault.Conflict, "own", "its own fault")
	failures := map[string]struct {
		fn   func(store.Tx) error
		kind fault.Kind
	}{
		"its own fault before it wrote": {func(store.Tx) error { return own }, fault.Conflict},
		"its own fault after it wrote": {func(tx store.Tx) error {
			return errors.Join(dbkit.Remember("bad")(tx), own)
		}, fault.Conflict},
		"an error of the driver": {func(tx store.Tx) error {
			return dbkit.ExecIn(tx, `INSERT INTO no_such_table (id) VALUES (1)`)
		}, fault.Unavailable},
		"an error of the driver that it passes over": {func(tx store.Tx) error {
			_ = dbkit.ExecIn(tx, `INSERT INTO no_such_table (id) VALUES (1)`)
			return nil
		}, fault.Unavailable},
		"an error of the driver that it calls its own": {func(tx store.Tx) error {
			_ = dbkit.ExecIn(tx, `INSERT INTO no_such_table (id) VALUES (1)`)
			return own
		}, fault.Conflict},
		"a constraint": {func(tx store.Tx) error {
			return errors.Join(dbkit.Remember("bad")(tx), dbkit.Remember("bad")(tx))
		}, fault.Unavailable},
		"its own fault with a statement left for the commit": {func(tx store.Tx) error {
			return errors.Join(tx.Last(rememberLast("bad")), own)
		}, fault.Conflict},
		"a statement left for the commit": {func(tx store.Tx) error {
			return errors.Join(tx.Last(rememberLast("bad")), tx.Last(commit.Stmt{Query: `INSERT INTO no_such_table (id) VALUES (1)`}))
		}, fault.Unavailable},
		"a constraint at the commit": {func(tx store.Tx) error {
			return errors.Join(tx.Last(rememberLast("bad")), tx.Last(rememberLast("bad")))
		}, fault.Unavailable},
		"a panic after it wrote": {func(tx store.Tx) error {
			_ = dbkit.Remember("bad")(tx)
			panic("on purpose")
		}, fault.Internal},
		"a panic before it wrote": {func(store.Tx) error { panic(own) }, fault.Internal},
		"an event of another organisation": {func(tx store.Tx) error {
			tx.Append(dbkit.Event(dbkit.NewOrg()))
			return dbkit.Remember("bad")(tx)
		}, fault.Unavailable},
	}
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		for name, tc := range failures {
			t.Run(name, func(t *testing.T) {
				org := dbkit.NewOrg()
				release := dbkit.HoldWriter(t, db, org)
				var wg sync.WaitGroup
				mate := func(i int) {
					ev := dbkit.Event(org)
					if err := db.Write(t.Context(), org, func(tx store.Tx) error {
						tx.Append(ev)
						return dbkit.Remember(fmt.Sprint(org, i))(tx)
					}); err != nil {
						t.Errorf("mate %d: %v", i, err)
					}
				}
				lost := dbkit.Event(org)
				for i := range 4 {
					wg.Go(func() { mate(i) })
					wg.Go(func() {
						if err := db.Append(t.Context(), dbkit.Event(org)); err != nil {
							t.Errorf("an event beside it: %v", err)
						}
					})
				}
				queue(t, db, 8)
				wg.Go(func() {
					err := db.Write(t.Context(), org, func(tx store.Tx) error {
						tx.Append(lost)
						tx.Changed(org)
						return tc.fn(tx)
					})
					dbkit.WantKind(t, err, tc.kind)
				})
				queue(t, db, 9)
				for i := range 4 {
					wg.Go(func() { mate(4 + i) })
				}
				queue(t, db, 13)
				if err := release(); err != nil {
					t.Error(err)
				}
				wg.Wait()
				rows := dbkit.Remembered(t, db)
				for i := range 8 {
					if !rows[fmt.Sprint(org, i)] {
						t.Errorf("the write of mate %d is not there", i)
					}
				}
				if rows["bad"] {
					t.Error("the write that failed is there")
				}
				events := dbkit.Chain(t, db, org)
				if len(events) != 12 {
					t.Errorf("%d events, want 12", len(events))
				}
				for _, r := range events {
					if r.ID == lost.ID {
						t.Error("the event of the op that failed is in the log")
					}
				}
				if lost.Committed {
					t.Error("the event of the op that failed says that it is in the log")
				}
			})
		}
	})
}

func TestAContextThatEnds(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 50 { // whichever way a select would fall
			dbkit.WantKind(t, db.Append(ended, dbkit.Event(org)), fault.Unavailable)
		}
		if n := len(dbkit.Chain(t, db, org)); n != 0 {
			t.Errorf("%d events of requests that were given up before they began", n)
		}

		// Once queued, a write is answered for, whatever becomes of its caller.
		release := dbkit.HoldWriter(t, db, org)
		queued, cancel := context.WithCancel(t.Context())
		ev, done := dbkit.Event(org), make(chan error, 1)
		go func() { done <- db.Append(queued, ev) }()
		queue(t, db, 1)
		cancel()
		if err := release(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; (err == nil) != (len(dbkit.Chain(t, db, org)) == 1) || (err == nil) != ev.Committed {
			t.Errorf("the answer is %v, the log has %d events, committed is %v", err, len(dbkit.Chain(t, db, org)), ev.Committed)
		}
	})
}

func TestCloseAnswersEveryWrite(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		org := dbkit.NewOrg()
		for round := range 8 {
			db := dbkit.Open(t, cfg)
			release := dbkit.HoldWriter(t, db, org)
			var wg sync.WaitGroup
			var mu sync.Mutex
			var said []*audit.Event // those that were acknowledged
			// More than the queue holds: some wait before it, some come too late.
			for range 5 * commit.MaxBatch {
				wg.Go(func() {
					ev := dbkit.Event(org)
					err := db.Append(context.Background(), ev)
					if err == nil {
						mu.Lock()
						said = append(said, ev)
						mu.Unlock()
					} else if fault.CodeOf(err) != "shutting_down" {
						t.Errorf("a write while the store closes: %v", err)
					}
				})
			}
			queue(t, db, 1+round*70)
			closed := make(chan error, 1)
			go func() { closed <- db.Close() }()
			if err := release(); err != nil {
				t.Error(err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
			wg.Wait()

			db = dbkit.Open(t, cfg)
			there := map[string]bool{}
			for _, r := range dbkit.Chain(t, db, org) {
				there[r.ID] = true
			}
			for _, ev := range said {
				if !there[ev.ID] {
					t.Fatal("an acknowledged event is lost")
				}
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSQLiteWaitsForTheDiskWhenItShould: a write waits, an event alone does not
// unless it was asked for, in whatever order they come.
func TestSQLiteWaitsForTheDiskWhenItShould(t *testing.T) {
	const normal, full = 1, 2
	for name, sync := range map[string]bool{"by default": false, "with audit sync": true} {
		t.Run(name, func(t *testing.T) {
			db, org := dbkit.Open(t, store.Config{Dir: t.TempDir(), AuditSync: sync}), dbkit.NewOrg()
			for range 4 {
				for range 2 {
					dbkit.AppendEvents(t, db, org, 1)
					want := normal
					if sync {
						want = full
					}
					if got := db.Writer().LastMode(t); got != want {
						t.Errorf("an event was committed in mode %d, want %d", got, want)
					}
				}
				if err := db.WriteStanding(t.Context(), org, commit.WorkFunc(func(tx *commit.Tx) error {
					if got := tx.SyncMode(t); (got == full) != sync {
						t.Errorf("a write under what is on the disk is committed in mode %d", got)
					}
					return nil
				})); err != nil {
					t.Error(err)
				}
				for range 2 {
					if err := db.Write(t.Context(), org, func(tx store.Tx) error {
						if got := tx.SyncMode(t); got != full {
							t.Errorf("a write is committed in mode %d, want %d", got, full)
						}
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
