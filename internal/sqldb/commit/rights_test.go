package commit_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// decided is a write's basis as of now.
func decided(db *store.DB, org, token string) *call.Basis {
	return &call.Basis{Org: org, Token: token, Epoch: db.Seen(), Event: dbkit.Event(org)}
}

func end(t *testing.T, db *store.DB, orgs ...string) {
	t.Helper()
	if err := db.Write(t.Context(), orgs[0], func(tx store.Tx) error { tx.Ended(orgs...); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestAWriteStandsOnTheRightsItWasDecidedOn(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		org, other := dbkit.NewOrg(), dbkit.NewOrg()
		write := func(b *call.Basis, name, where string) error {
			return db.Write(b.With(t.Context()), where, dbkit.Remember(name))
		}
		for name, tc := range map[string]struct {
			between func(b *call.Basis)
			where   string
			moved   bool
		}{
			"nothing happens":                       {func(*call.Basis) {}, org, false},
			"a right of the organisation ends":      {func(*call.Basis) { end(t, db, org) }, org, true},
			"one of another organisation's ends":    {func(*call.Basis) { end(t, db, other) }, org, false},
			"the actor's, where it acts on another": {func(*call.Basis) { end(t, db, org) }, other, true},
			"one where it acts on another":          {func(*call.Basis) { end(t, db, other) }, other, true},
			"something is added": {func(*call.Basis) {
				if err := db.Write(t.Context(), org, func(tx store.Tx) error { tx.Changed(org); return nil }); err != nil {
					t.Error(err)
				}
			}, org, false},
			"its token is revoked": {func(b *call.Basis) {
				if err := db.Revoke(t.Context(), org, b.Token, time.Now().Add(time.Hour), time.Now(), dbkit.Event(org)); err != nil {
					t.Error(err)
				}
			}, org, true},
			"another's token is revoked": {func(*call.Basis) {
				if err := db.Revoke(t.Context(), org, ids.New(), time.Now().Add(time.Hour), time.Now(), dbkit.Event(org)); err != nil {
					t.Error(err)
				}
			}, org, false},
			"it is done already": {func(b *call.Basis) { end(t, db, org); b.Event.Committed = true }, org, false},
		} {
			b := decided(db, org, ids.New())
			tc.between(b)
			if err := write(b, name, tc.where); errors.Is(err, call.ErrMoved) != tc.moved || (err == nil) == tc.moved {
				t.Errorf("%s: %v", name, err)
			}
			if dbkit.Remembered(t, db)[name] == tc.moved {
				t.Errorf("%s: written: %v", name, !tc.moved)
			}
		}
	})
}

// Those who share a transaction follow each other too, and those that PostgreSQL
// runs last come after all others.
func TestARightThatEndsInTheSameTransactionIsGone(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		org := dbkit.NewOrg()
		v := vault.Vault{ID: ids.New(), Org: org, Name: "v", CreatedBy: ids.New(), CreatedByKind: "user", CreatedAt: time.Now()}
		if err := db.AddVault(t.Context(), v, dbkit.Event(org)); err != nil {
			t.Fatal(err)
		}
		release := dbkit.HoldWriter(t, db, dbkit.NewOrg())
		var wg sync.WaitGroup
		n := 0
		run := func(f func()) {
			wg.Go(f)
			n++
			queue(t, db, n)
		}
		put := func(path string) func() {
			b := decided(db, org, "")
			return func() {
				ver := vault.Version{Vault: v.ID}
				ver.Path, ver.ID, ver.Type, ver.CreatedAt = path, ids.New(), "generic", time.Now()
				ver.Meta.Version, ver.Metadata, ver.RotationPolicy = 1, []byte("{}"), []byte("{}")
				ver.Box.WrappedDEK, ver.Box.Ciphertext = []byte("k"), []byte("c")
				b.Event.Details.Path = path
				err := db.PutVersion(b.With(t.Context()), org, ver, b.Event)
				if err != nil && !errors.Is(err, call.ErrMoved) {
					t.Errorf("%s: %v", path, err)
				}
				if got := errors.Is(err, call.ErrMoved); path == "after" && !got || path == "before" && db.Engine() == "sqlite" && got {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
		run(put("before"))
		last := dbkit.Event(org)
		last.Action = "member.remove"
		run(func() {
			if err := db.Write(t.Context(), org, func(tx store.Tx) error { tx.Append(last); tx.Ended(org); return nil }); err != nil {
				t.Error(err)
			}
		})
		run(put("after"))
		if err := release(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		rows := dbkit.Chain(t, db, org)
		if rows[len(rows)-1].Action != "member.remove" {
			t.Errorf("after the end of the right came %v", rows[len(rows)-1].Action)
		}
		for _, path := range []string{"before", "after"} {
			_, err := db.Latest(t.Context(), v.ID, path)
			in := false
			for _, r := range rows {
				in = in || strings.Contains(string(r.DetailsJSON), `"path":"`+path+`"`)
			}
			if (err == nil) != in {
				t.Errorf("%s: stored %v, in the log %v", path, err == nil, in)
			}
		}
	})
}

func TestTwoNodesStandOnEachOthersRights(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	here, there := dbkit.Open(t, cfg), dbkit.Open(t, cfg)
	org := dbkit.NewOrg()
	b := decided(here, org, "")
	end(t, there, org)
	if err := here.Write(b.With(t.Context()), org, dbkit.Remember("late")); !errors.Is(err, call.ErrMoved) {
		t.Fatalf("a right that the other node ended: %v", err)
	}
	if err := here.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := here.Write(decided(here, org, "").With(t.Context()), org, dbkit.Remember("anew")); err != nil {
		t.Error(err)
	}
	token := ids.New()
	b = decided(here, org, token)
	if err := there.Revoke(t.Context(), org, token, time.Now().Add(time.Hour), time.Now(), dbkit.Event(org)); err != nil {
		t.Fatal(err)
	}
	if err := here.Write(b.With(t.Context()), org, dbkit.Remember("revoked")); !errors.Is(err, call.ErrMoved) {
		t.Errorf("a token that the other node revoked: %v", err)
	}
}
