package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// patient is how long a caller may be made to wait. By the constants of the package it
// is less than 5 s for two calls; a machine that is busy gets twice that for one.
const patient = 10 * time.Second

// calls are one of each kind that requests make.
func calls(db *store.DB, org string) map[string]func() error {
	return map[string]func() error{
		"a read":   func() error { _, err := db.Vault(context.Background(), newOrg()); return err },
		"a list":   func() error { _, err := db.DoomedKeys(context.Background()); return err },
		"a ping":   func() error { return db.Ping(context.Background()) },
		"an event": func() error { return db.Append(context.Background(), event(org)) },
		"a write": func() error {
			return db.Write(context.Background(), org, func(tx *store.Tx) error { return remember(newOrg())(tx) })
		},
		// As the tools of MCP call the API: their own deadline is late.
		"a read of a patient caller": func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := db.Vault(ctx, newOrg())
			return err
		},
		"a write of a patient caller": func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			return db.Write(ctx, org, func(tx *store.Tx) error { return remember(newOrg())(tx) })
		},
	}
}

// refused makes many calls of each kind at once and wants all to be told within
// patient that the database does not answer.
func refused(t *testing.T, db *store.DB, org string, kinds ...string) {
	t.Helper()
	var wg sync.WaitGroup
	all := calls(db, org)
	for _, what := range kinds {
		for range 50 {
			wg.Go(func() {
				began := time.Now()
				err := all[what]()
				if took := time.Since(began); took > patient {
					t.Errorf("%s waited %v", what, took)
				}
				if e, _ := errors.AsType[*fault.Error](err); !fault.Is(err, fault.Unavailable) || e.Kind == fault.Unavailable && e.Code != "outcome_unknown" && e.RetryAfter == 0 {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
	}
	wg.Wait()
}

// served waits until all kinds of calls work again.
func served(t *testing.T, db *store.DB, org string) {
	t.Helper()
	for what, call := range calls(db, org) {
		until(t, what+" works again", func() bool { err := call(); return err == nil || fault.Is(err, fault.NotFound) })
	}
	until(t, "the epoch is known", func() bool { _, known := db.Epoch(); return known })
}

// readyWhenWritten wants the first event that is written to end the state of a
// database that can't be written.
func readyWhenWritten(t *testing.T, db *store.DB, org string) {
	t.Helper()
	until(t, "an event is written", func() bool { return db.Append(t.Context(), event(org)) == nil })
	if err := db.Ready(); err != nil {
		t.Errorf("it is not ready after an event was written: %v", err)
	}
}

func allKinds(db *store.DB) (kinds []string) {
	for what := range calls(db, "") {
		kinds = append(kinds, what)
	}
	return kinds
}

func TestADatabaseThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t)
	proxy, dsn := pgtest.Hanging(t, cluster.DSN(t))
	db, org := open(t, store.Config{PostgresDSN: dsn}), newOrg()
	for name, hang := range map[string]func(bool){
		"the network swallows everything": proxy.Hang,
		"the server is stopped":           func(stop bool) { cluster.Freeze(t, stop) },
	} {
		t.Run(name, func(t *testing.T) {
			served(t, db, org)
			before := runtime.NumGoroutine()
			hang(true)
			for range 3 { // the first finds out; what comes later does not even wait
				refused(t, db, org, allKinds(db)...)
			}
			until(t, "it counts as away", db.Away)
			began := time.Now()
			refused(t, db, org, allKinds(db)...)
			if took := time.Since(began); took > patient/5 {
				t.Errorf("calls waited %v for a database that is known to be away", took)
			}
			if err := db.Ready(); fault.CodeOf(err) != "database_unavailable" {
				t.Errorf("ready: %v", err)
			}
			// Those that were cut need a while to end; they must not add up.
			until(t, "what was cut has ended", func() bool {
				conns, _ := proxy.Open()
				return runtime.NumGoroutine() <= before+200 && conns <= 100
			})
			hang(false)
			served(t, db, org)
			readyWhenWritten(t, db, org)
			if r := verify(t, newLog(t, db), org); !r.OK {
				t.Errorf("the log: %+v", r)
			}
		})
	}
}

func TestALockThatSomebodyHoldsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dsn := engines["postgres"](t).PostgresDSN
	db, org := open(t, store.Config{PostgresDSN: dsn}), newOrg()
	other := pgtest.Session(t, dsn)
	for table, kinds := range map[string][]string{
		"vaults": {"a read"}, "doomed_keys": {"a list", "a write"}, "audit_events": {"an event"}, "audit_heads": {"an event", "a write"},
		// A ping asks no table, so it may get through.
		"vaults, doomed_keys, audit_events, audit_heads, meta": {"a read", "a list", "an event", "a write"},
	} {
		t.Run(table, func(t *testing.T) {
			served(t, db, org)
			other(`BEGIN; LOCK TABLE ` + table + ` IN ACCESS EXCLUSIVE MODE`)
			for range 2 {
				refused(t, db, org, kinds...)
			}
			// Sessions that were given up wait no longer either.
			var waiting int
			db.Scan(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, nil, &waiting)
			if waiting > 20 {
				t.Errorf("%d sessions wait for the lock", waiting)
			}
			other(`ROLLBACK`)
			served(t, db, org)
		})
	}
}

// What takes long, as a backup does, is not bounded, but ends with its server.
func TestLongWorkEndsWithADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	proxy, dsn := pgtest.Hanging(t, engines["postgres"](t).PostgresDSN)
	open(t, store.Config{PostgresDSN: dsn}) // the schema is there
	db, err := store.Look(store.Config{PostgresDSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	ctx, failure := db.WhileAlive(t.Context(), time.Minute)
	if _, err := db.Backup(ctx, t.TempDir(), func(string, int64) {}); failure(err) != nil {
		t.Errorf("a database that answers: %v", err)
	}
	ctx, failure = db.WhileAlive(t.Context(), 400*time.Millisecond)
	proxy.Hang(true)
	_, err = db.Backup(ctx, t.TempDir(), func(string, int64) {})
	if err := failure(err); fault.CodeOf(err) != "database_unavailable" {
		t.Errorf("a database that hangs: %v", err)
	}
	proxy.Hang(false)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStartOnADatabaseThatHangsFails(t *testing.T) {
	t.Parallel()
	proxy, dsn := pgtest.Hanging(t, engines["postgres"](t).PostgresDSN)
	open(t, store.Config{PostgresDSN: dsn}) // the schema is there
	proxy.Hang(true)
	began := time.Now()
	if db, err := store.Open(t.Context(), store.Config{PostgresDSN: dsn}); err == nil {
		t.Error("it started", db.Close())
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to say so", took)
	}
}

// Another process holds SQLite's file, as a shell does that was left in a
// transaction.
func TestAnotherProcessThatHoldsTheFileIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, org := open(t, store.Config{Dir: dir}), newOrg()
	appendEvents(t, db, org, 1)
	other, err := sql.Open("sqlite", filepath.Join(dir, store.File))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(query string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec("BEGIN IMMEDIATE")
	for range 3 {
		refused(t, db, org, "an event", "a write")
	}
	if err := calls(db, org)["a read"](); !fault.Is(err, fault.NotFound) {
		t.Errorf("a read: %v", err)
	}
	if err := db.Ready(); fault.CodeOf(err) != "log_not_written" {
		t.Errorf("ready: %v", err)
	}
	exec("ROLLBACK")
	served(t, db, org)
	readyWhenWritten(t, db, org)
	if r := verify(t, newLog(t, db), org); !r.OK {
		t.Errorf("the log: %+v", r)
	}
}

// The network to the target swallows everything from the first row on.
func TestATransferIntoADatabaseThatHangsEnds(t *testing.T) {
	t.Parallel()
	from := unmade["sqlite"](t)
	db := open(t, from)
	appendEvents(t, db, newOrg(), 10_100) // progress is told at 10,000
	proxy, dsn := pgtest.Hanging(t, unmade["postgres"](t).PostgresDSN)
	to := store.Config{PostgresDSN: dsn}
	err := store.TransferWithin(t.Context(), look(t, from), to, 400*time.Millisecond, func(string, int64) { proxy.Hang(true) })
	if fault.CodeOf(err) != "database_unavailable" {
		t.Errorf("it ended with %v", err)
	}
	proxy.Hang(false)
	if err := store.TransferWithin(t.Context(), look(t, from), to, 10*time.Second, nil); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
