package store_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

func look(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Look(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestABackupIsWhatWasThereAndTheServerGoesOn(t *testing.T) {
	onEach(t, func(t *testing.T, cfg store.Config) {
		db, org := open(t, cfg), newOrg()
		want := appendEvents(t, db, org, 2100) // more than one INSERT and one page
		dir := t.TempDir()
		seen := look(t, cfg)
		if _, err := seen.Backup(t.Context(), dir, nil); err != nil {
			t.Fatal(err)
		}
		appendEvents(t, db, org, 1)
		if err := seen.Append(t.Context(), event(org)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a write to what is only looked at: %v", err)
		}
		got := chain(t, open(t, store.Config{Dir: dir}), org)
		if len(got) != len(want) || got[2099].ID != want[2099].ID {
			t.Errorf("%d events, want %d", len(got), len(want))
		}
		if _, err := seen.Backup(t.Context(), dir, nil); err == nil {
			t.Error("a backup over another one")
		}
	})
}

func TestATransferIsWholeOrLeavesNothing(t *testing.T) {
	from, to := unmade["sqlite"](t), unmade["postgres"](t)
	db, org := open(t, from), newOrg()
	appendEvents(t, db, org, 50)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	source := look(t, from)
	if err := source.Hold(from.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), from); fault.CodeOf(err) != "data_in_use" {
		t.Errorf("a server on the source meanwhile: %v", err)
	}
	cut, stop := context.WithCancel(t.Context())
	stop()
	if _, err := store.Transfer(cut, source, to, nil); err == nil {
		t.Fatal("it went on")
	}
	rows, err := store.Transfer(t.Context(), source, to, nil)
	if err != nil || rows["audit_events"].Rows != 50 || rows["meta"].Rows < 2 {
		t.Fatalf("%v, %v", rows, err)
	}
	target := open(t, to)
	if got := chain(t, target, org); len(got) != 50 {
		t.Errorf("%d events", len(got))
	}
	appendEvents(t, target, org, 1)
	if _, err := store.Transfer(t.Context(), source, to, nil); fault.CodeOf(err) != "target_not_empty" {
		t.Errorf("into a database in use: %v", err)
	}
	if h, err := source.Head(t.Context(), org); err != nil || h.Seq != 50 {
		t.Errorf("the source has %v, %v", h, err)
	}
}

func TestATransferOfAnOlderSchemaIsRefused(t *testing.T) {
	from := unmade["sqlite"](t)
	p, old := store.Migrator(t, from)
	if _, err := p.UpTo(t.Context(), p.ListSources()[0].Version); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := store.Transfer(t.Context(), look(t, from), unmade["postgres"](t), nil)
	if fault.CodeOf(err) != "schema_differs" {
		t.Errorf("got %v", err)
	}
}
