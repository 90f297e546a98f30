// Package dbkit gives tests open databases of both engines, what they put into them,
// and a way to reach beside the engine.
package dbkit

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// Engines names the two databases and how a test gets one without rows.
var Engines = map[string]func(t *testing.T) store.Config{
	"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: ready.Dir(t)} },
	"postgres": func(t *testing.T) store.Config { return store.Config{PostgresDSN: ready.DSN(t)} },
}

// Unmade is the same, and the schema is not made yet.
var Unmade = map[string]func(t *testing.T) store.Config{
	"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
	"postgres": func(t *testing.T) store.Config { return store.Config{PostgresDSN: pgtest.Shared(t).DSN(t)} },
}

// OnEach runs a test on an empty database of each engine.
func OnEach(t *testing.T, test func(t *testing.T, cfg store.Config)) {
	for name, fresh := range Engines {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// Open opens a database that is closed with the test.
func Open(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Look is Open for one that is read as it is.
func Look(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Look(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// NewOrg is the id of an organisation that nobody else has.
func NewOrg() string { return ids.New() }

// Event is an event of an organisation.
func Event(org string) *audit.Event {
	return &audit.Event{
		ID: ids.New(), Org: org, At: time.Now(), Action: "secret.read", ActorKind: "agent", ActorID: ids.New(),
		ResourceType: "secret", ResourceID: ids.New(), IP: "192.0.2.1",
		Details: audit.Details{Outcome: audit.Success, Path: "api-keys/one", Version: 1},
	}
}

// AppendEvents appends n of them.
func AppendEvents(t *testing.T, db *store.DB, org string, n int) []*audit.Event {
	t.Helper()
	out := make([]*audit.Event, n)
	for i := range out {
		out[i] = Event(org)
		if err := db.Append(t.Context(), out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Chain returns the events of org in order.
func Chain(t *testing.T, db *store.DB, org string) []*audit.Row {
	t.Helper()
	var out []*audit.Row
	if err := db.Walk(context.Background(), org, 0, func(r *audit.Row) bool {
		out = append(out, r)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// CheckpointKey signs the checkpoints of NewLog.
const CheckpointKey = "audit:1"

// NewLog is the audit log over db, with a key that nobody else has.
func NewLog(t *testing.T, db *store.DB) *audit.Log {
	t.Helper()
	keys, err := soft.Open(t.Context(), soft.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.CreateSigner(t.Context(), CheckpointKey); err != nil {
		t.Fatal(err)
	}
	return &audit.Log{Store: db, Keys: keys, KeyIDs: []string{CheckpointKey}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// Verify checks the whole log of an organisation.
func Verify(t *testing.T, l *audit.Log, org string) audit.Report {
	t.Helper()
	r, err := l.Verify(t.Context(), org, audit.Whole)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// WantKind wants an error of a kind.
func WantKind(t *testing.T, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v, want a fault of kind %d", err, k)
	}
}

// Until waits until something is so, and returns how long that took.
func Until(t *testing.T, what string, ok func() bool) time.Duration {
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

// Remember is an op that stores a row under a name.
func Remember(name string) func(store.Tx) error {
	return func(tx store.Tx) error {
		return ExecIn(tx, `INSERT INTO doomed_keys (id, created_at) VALUES ($1, 1)`, name)
	}
}

// Remembered are the names of those that were stored.
func Remembered(t *testing.T, db *store.DB) map[string]bool {
	t.Helper()
	names, err := db.KeysToDestroy(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

// ExecIn is an op's statement.
func ExecIn(tx store.Tx, query string, args ...any) error {
	_, err := tx.Exec(query, args...)
	return err
}
