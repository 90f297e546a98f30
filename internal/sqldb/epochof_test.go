package sqldb_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestAChangeMovesTheEpochsOfThoseItConcerns(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		mine, other := dbkit.NewOrg(), dbkit.NewOrg()
		epoch := func() int64 {
			n, _ := db.EpochOf(mine)
			return n
		}
		for name, tc := range map[string]struct {
			org   string
			moves bool
		}{"mine": {mine, true}, "another's": {other, false}, "the server's": {audit.SystemOrg, true}} {
			if err := db.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := epoch()
			if err := db.Write(t.Context(), tc.org, func(tx store.Tx) error { tx.Changed(tc.org); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := db.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			if moved := epoch() != before; moved != tc.moves {
				t.Errorf("a change that is %s moves my epoch: %v", name, moved)
			}
		}
		before := epoch()
		if err := db.Revoke(t.Context(), mine, ids.New(), time.Now().Add(time.Hour), time.Now(), dbkit.Event(mine)); err != nil {
			t.Fatal(err)
		}
		if err := db.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if epoch() != before {
			t.Error("a revoked token moves the epoch of its organisation")
		}
	})
}

// heardTokens are what a node was told of revoked tokens.
type heardTokens struct {
	mu  sync.Mutex
	all []string
}

func (h *heardTokens) of(db *store.DB) *heardTokens {
	db.OnRevoke(func(tokens []string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, tokens...)
	})
	return h
}

func (h *heardTokens) has(token string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.all, token)
}

func TestNodesAreToldWhichTokensAreRevoked(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		here := dbkit.Open(t, cfg)
		org, token := dbkit.NewOrg(), ids.New()
		mine := new(heardTokens).of(here)
		theirs, there := mine, here
		if here.Engine() == "postgres" {
			there = dbkit.Open(t, cfg)
			theirs = new(heardTokens).of(there)
		}
		if err := here.Revoke(t.Context(), org, token, time.Now().Add(time.Hour), time.Now(), dbkit.Event(org)); err != nil {
			t.Fatal(err)
		}
		if !mine.has(token) {
			t.Error("the node that revoked it is not told before the answer")
		}
		if err := there.Look(t.Context()); err != nil || !theirs.has(token) {
			t.Errorf("the other node is not told: %v", err)
		}
	})
}

// While programs of before run beside this one, a change of theirs is one of everybody.
func TestAChangeOfAnOlderProgramConcernsAll(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	db := dbkit.Open(t, cfg)
	org := dbkit.NewOrg()
	before, _ := db.EpochOf(org)
	dbkit.Exec(t, db, `UPDATE meta SET value = value + 1 WHERE name = 'epoch'`)
	dbkit.Until(t, "the change is seen", func() bool { now, ok := db.EpochOf(org); return ok && now != before })
}
