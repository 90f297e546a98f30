package commit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// TestTheLogTellsWhatWasDoneInItsOrder: a write and a deletion of one path share
// a batch; whichever the log names last is what the path shows.
func TestTheLogTellsWhatWasDoneInItsOrder(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		v := vault.Vault{ID: dbkit.NewOrg(), Org: org, Name: "v", CreatedBy: dbkit.NewOrg(), CreatedByKind: policy.KindUser, CreatedAt: time.Now()}
		if err := db.AddVault(t.Context(), v, nil); err != nil {
			t.Fatal(err)
		}
		put := func(n uint64, ev *audit.Event) error {
			return db.PutVersion(t.Context(), org, vault.Version{
				Meta:  vault.Meta{ID: dbkit.NewOrg(), Path: "p", Type: "note", Version: n, Metadata: []byte("{}"), CreatedAt: time.Now()},
				Vault: v.ID, Box: seal.Box{WrappedDEK: []byte{1}, Ciphertext: []byte{1}}, RotationPolicy: []byte("{}"), CreatedBy: "user:x",
			}, ev)
		}
		if err := put(1, nil); err != nil {
			t.Fatal(err)
		}
		for round := uint64(2); round < 8; round++ {
			release := dbkit.HoldWriter(t, db, org)
			var wg sync.WaitGroup
			write, remove := dbkit.Event(org), dbkit.Event(org)
			write.Action, remove.Action = "secret.write", "secret.delete"
			ops := []func() error{
				func() error { return put(round, write) },
				func() error { _, err := db.SetDeleted(t.Context(), v.ID, "p", time.Now(), remove); return err },
			}
			if round%2 == 0 {
				ops[0], ops[1] = ops[1], ops[0]
			}
			for i, do := range ops {
				wg.Go(func() {
					if err := do(); err != nil {
						t.Error(err)
					}
				})
				queue(t, db, i+1)
			}
			if err := release(); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			rows := dbkit.Chain(t, db, org)
			last := rows[len(rows)-1].Action
			now, err := db.Latest(t.Context(), v.ID, "p")
			if err != nil {
				t.Fatal(err)
			}
			if deleted := !now.DeletedAt.IsZero(); deleted != (last == "secret.delete") {
				t.Errorf("round %d: the log ends with %s, the path is deleted: %v", round, last, deleted)
			}
			if !now.DeletedAt.IsZero() {
				if _, err := db.SetDeleted(t.Context(), v.ID, "p", time.Time{}, dbkit.Event(org)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
