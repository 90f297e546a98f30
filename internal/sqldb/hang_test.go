package sqldb_test

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
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// patient is how long a caller may be made to wait. By the constants of the package it
// is less than 5 s for two calls; a machine that is busy gets twice that for one.
const patient = 10 * time.Second

// calls are one of each kind that requests make.
func calls(db *store.DB, org string) map[string]func() error {
	return map[string]func() error{
		"a read":   func() error { _, err := db.Vault(context.Background(), dbkit.NewOrg()); return err },
		"a list":   func() error { _, err := db.KeysToDestroy(context.Background()); return err },
		"a ping":   func() error { return db.Ping(context.Background()) },
		"an event": func() error { return db.Append(context.Background(), dbkit.Event(org)) },
		"a write": func() error {
			return db.Write(context.Background(), org, func(tx store.Tx) error { return dbkit.Remember(dbkit.NewOrg())(tx) })
		},
		// As the tools of MCP call the API: their own deadline is late.
		"a read of a patient caller": func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := db.Vault(ctx, dbkit.NewOrg())
			return err
		},
		"a write of a patient caller": func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			return db.Write(ctx, org, func(tx store.Tx) error { return dbkit.Remember(dbkit.NewOrg())(tx) })
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
		dbkit.Until(t, what+" works again", func() bool { err := call(); return err == nil || fault.Is(err, fault.NotFound) })
	}
	dbkit.Until(t, "the epoch is known", func() bool { _, known := db.Epoch(); return known })
}

// readyWhenWritten wants the first event that is written to end the state of a
// database that can't be written.
func readyWhenWritten(t *testing.T, db *store.DB, org string) {
	t.Helper()
	dbkit.Until(t, "an event is written", func() bool { return db.Append(t.Context(), dbkit.Event(org)) == nil })
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
	db, org := dbkit.Open(t, store.Config{PostgresDSN: dsn}), dbkit.NewOrg()
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
			dbkit.Until(t, "it counts as away", db.Away)
			began := time.Now()
			refused(t, db, org, allKinds(db)...)
			if took := time.Since(began); took > patient/5 {
				t.Errorf("calls waited %v for a database that is known to be away", took)
			}
			if err := db.Ready(); fault.CodeOf(err) != "database_unavailable" {
				t.Errorf("ready: %v", err)
			}
			// Those that were cut need a while to end; they must not add up.
			dbkit.Until(t, "what was cut has ended", func() bool {
				conns, _ := proxy.Open()
				return runtime.NumGoroutine() <= before+200 && conns <= 100
			})
			hang(false)
			served(t, db, org)
			readyWhenWritten(t, db, org)
			if r := dbkit.Verify(t, dbkit.NewLog(t, db), org); !r.OK {
				t.Errorf("the log: %+v", r)
			}
		})
	}
}

func TestALockThatSomebodyHoldsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dsn := dbkit.Engines["postgres"](t).PostgresDSN
	db, org := dbkit.Open(t, store.Config{PostgresDSN: dsn}), dbkit.NewOrg()
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
			dbkit.Scan(t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, nil, &waiting)
			if waiting > 20 {
				t.Errorf("%d sessions wait for the lock", waiting)
			}
			other(`ROLLBACK`)
			served(t, db, org)
		})
	}
}

// A transaction of many statements, of which each is answered, takes as long as it takes:
// what ends a stolen key ends all that was made with it.
func TestATransactionThatIsAnsweredGoesOn(t *testing.T) {
	t.Parallel()
	proxy, dsn := pgtest.Hanging(t, dbkit.Engines["postgres"](t).PostgresDSN)
	db, org, name := dbkit.Open(t, store.Config{PostgresDSN: dsn}), dbkit.NewOrg(), dbkit.NewOrg()
	steps := func(each string) func(tx store.Tx) error {
		return func(tx store.Tx) error {
			for range 8 {
				if err := tx.Each(`SELECT pg_sleep(`+each+`)`, nil, func(*sql.Rows) error { return nil }); err != nil {
					return err
				}
			}
			return dbkit.Remember(name)(tx)
		}
	}
	if err := db.Write(t.Context(), org, steps("0.4")); err != nil { // 3.2 s, of which the writer waits at most 2 for one answer
		t.Errorf("a transaction of many short statements: %v", err)
	}
	if !dbkit.Remembered(t, db)[name] {
		t.Error("nothing was stored")
	}
	if err := db.Write(t.Context(), org, steps("3")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a statement that is not answered: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		done <- db.Write(t.Context(), org, func(tx store.Tx) error {
			proxy.Hang(true)
			return steps("0.1")(tx)
		})
	}()
	if err := <-done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("a database that hangs within a transaction: %v", err)
	}
	proxy.Hang(false)
	served(t, db, org)
}

// What takes long, as a backup does, is not bounded, but ends with its server.
func TestLongWorkEndsWithADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	proxy, dsn := pgtest.Hanging(t, dbkit.Engines["postgres"](t).PostgresDSN)
	dbkit.Open(t, store.Config{PostgresDSN: dsn}) // the schema is there
	db, err := store.Look(store.Config{PostgresDSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	ctx, failure := db.WhileAlive(t.Context(), time.Minute)
	if _, err := transfer.Backup(ctx, db.DB, t.TempDir(), func(string, int64) {}); failure(err) != nil {
		t.Errorf("a database that answers: %v", err)
	}
	ctx, failure = db.WhileAlive(t.Context(), 400*time.Millisecond)
	proxy.Hang(true)
	_, err = transfer.Backup(ctx, db.DB, t.TempDir(), func(string, int64) {})
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
	proxy, dsn := pgtest.Hanging(t, dbkit.Engines["postgres"](t).PostgresDSN)
	dbkit.Open(t, store.Config{PostgresDSN: dsn}) // the schema is there
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
	db, org := dbkit.Open(t, store.Config{Dir: dir}), dbkit.NewOrg()
	dbkit.AppendEvents(t, db, org, 1)
	other, err := sql.Open("sqlite", filepath.Join(dir, sqldb.File))
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
	if r := dbkit.Verify(t, dbkit.NewLog(t, db), org); !r.OK {
		t.Errorf("the log: %+v", r)
	}
}
