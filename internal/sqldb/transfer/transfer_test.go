package transfer_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestABackupIsWhatWasThereAndTheServerGoesOn(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		want := dbkit.AppendEvents(t, db, org, 2100) // more than one INSERT and one page
		dir := t.TempDir()
		seen := dbkit.Look(t, cfg)
		if _, err := transfer.Backup(t.Context(), seen.DB, dir, nil); err != nil {
			t.Fatal(err)
		}
		dbkit.AppendEvents(t, db, org, 1)
		if err := seen.Append(t.Context(), dbkit.Event(org)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a write to what is only looked at: %v", err)
		}
		got := dbkit.Chain(t, dbkit.Open(t, store.Config{Dir: dir}), org)
		if len(got) != len(want) || got[2099].ID != want[2099].ID {
			t.Errorf("%d events, want %d", len(got), len(want))
		}
		if _, err := transfer.Backup(t.Context(), seen.DB, dir, nil); err == nil {
			t.Error("a backup over another one")
		}
	})
}

func TestATransferIsWholeOrLeavesNothing(t *testing.T) {
	from, to := dbkit.Unmade["sqlite"](t), dbkit.Unmade["postgres"](t)
	db, org := dbkit.Open(t, from), dbkit.NewOrg()
	dbkit.AppendEvents(t, db, org, 50)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	source := dbkit.Look(t, from)
	if err := source.Hold(from.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), from); fault.CodeOf(err) != "data_in_use" {
		t.Errorf("a server on the source meanwhile: %v", err)
	}
	cut, stop := context.WithCancel(t.Context())
	stop()
	if _, err := transfer.Transfer(cut, source.DB, to, nil); err == nil {
		t.Fatal("it went on")
	}
	rows, err := transfer.Transfer(t.Context(), source.DB, to, nil)
	if err != nil || rows["audit_events"].Rows != 50 || rows["meta"].Rows < 2 {
		t.Fatalf("%v, %v", rows, err)
	}
	target := dbkit.Open(t, to)
	if got := dbkit.Chain(t, target, org); len(got) != 50 {
		t.Errorf("%d events", len(got))
	}
	dbkit.AppendEvents(t, target, org, 1)
	if _, err := transfer.Transfer(t.Context(), source.DB, to, nil); fault.CodeOf(err) != "target_not_empty" {
		t.Errorf("into a database in use: %v", err)
	}
	if h, err := source.Head(t.Context(), org); err != nil || h.Seq != 50 {
		t.Errorf("the source has %v, %v", h, err)
	}
}

func TestATransferOfAnOlderSchemaIsRefused(t *testing.T) {
	from := dbkit.Unmade["sqlite"](t)
	if err := dbkit.AtSchema(t, from, 1).Close(); err != nil {
		t.Fatal(err)
	}
	_, err := transfer.Transfer(t.Context(), dbkit.Look(t, from).DB, dbkit.Unmade["postgres"](t), nil)
	if fault.CodeOf(err) != "schema_differs" {
		t.Errorf("got %v", err)
	}
}
