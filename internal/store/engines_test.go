package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/store/storetest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// engines names the two databases and how a test gets one without rows.
var engines = map[string]func(t *testing.T) store.Config{
	"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: ready.Dir(t)} },
	"postgres": func(t *testing.T) store.Config { return store.Config{PostgresDSN: ready.DSN(t)} },
}

// unmade is the same, and the schema is not made yet.
var unmade = map[string]func(t *testing.T) store.Config{
	"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
	"postgres": func(t *testing.T) store.Config { return store.Config{PostgresDSN: pgtest.Shared(t).DSN(t)} },
}

// onEach runs a test on an empty database of each engine.
func onEach(t *testing.T, test func(t *testing.T, cfg store.Config)) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func open(t *testing.T, cfg store.Config) *store.DB {
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

func TestConformance(t *testing.T) {
	onEach(t, func(t *testing.T, _ store.Config) {
		name := t.Name()[len("TestConformance/"):]
		storetest.Run(t, func(t *testing.T) *store.DB { return open(t, engines[name](t)) })
	})
}

func newOrg() string { return uuid.NewString() }

func event(org string) *audit.Event {
	return &audit.Event{
		ID: uuid.NewString(), Org: org, At: time.Now(), Action: "secret.read", ActorKind: "agent", ActorID: uuid.NewString(),
		ResourceType: "secret", ResourceID: uuid.NewString(), IP: "192.0.2.1",
		Details: audit.Details{Outcome: audit.Success, Path: "api-keys/one", Version: 1},
	}
}

func appendEvents(t *testing.T, db *store.DB, org string, n int) []*audit.Event {
	t.Helper()
	out := make([]*audit.Event, n)
	for i := range out {
		out[i] = event(org)
		if err := db.Append(t.Context(), out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// chain returns the events of org in order.
func chain(t *testing.T, db *store.DB, org string) []*audit.Row {
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

func wantKind(t *testing.T, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v, want a fault of kind %d", err, k)
	}
}
