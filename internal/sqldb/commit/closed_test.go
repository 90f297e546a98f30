package commit_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// breakages make the log unwritable and whole again, by engine.
var breakages = map[string]map[string]struct{ harm, repair string }{
	"sqlite": {
		"a trigger refuses events": {
			`CREATE TRIGGER no_events BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'refused'); END`, `DROP TRIGGER no_events`,
		},
		"the table is away":  {`ALTER TABLE audit_events RENAME TO audit_away`, `ALTER TABLE audit_away RENAME TO audit_events`},
		"the heads are away": {`ALTER TABLE audit_heads RENAME TO heads_away`, `ALTER TABLE heads_away RENAME TO audit_heads`},
	},
	"postgres": {
		"a trigger refuses events": {
			`CREATE FUNCTION no_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';
			CREATE TRIGGER no_events BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_events()`,
			`DROP TRIGGER no_events ON audit_events; DROP FUNCTION no_events()`,
		},
		"the table is away":  {`ALTER TABLE audit_events RENAME TO audit_away`, `ALTER TABLE audit_away RENAME TO audit_events`},
		"the heads are away": {`ALTER TABLE audit_heads RENAME TO heads_away`, `ALTER TABLE heads_away RENAME TO audit_heads`},
	},
}

func TestWithoutALogNothingIsWritten(t *testing.T) {
	for engine, fresh := range dbkit.Engines {
		for name, tc := range breakages[engine] {
			t.Run(engine+"/"+name, func(t *testing.T) {
				db, org := dbkit.Open(t, fresh(t)), dbkit.NewOrg()
				dbkit.AppendEvents(t, db, org, 3)
				dbkit.Exec(t, db, tc.harm)
				ev := dbkit.Event(org)
				dbkit.WantKind(t, db.Append(t.Context(), ev), fault.Unavailable)
				name := dbkit.NewOrg()
				err := db.Write(t.Context(), org, func(tx store.Tx) error {
					tx.Append(dbkit.Event(org))
					return dbkit.Remember(name)(tx)
				})
				dbkit.WantKind(t, err, fault.Unavailable)
				if ev.Committed || dbkit.Remembered(t, db)[name] {
					t.Error("something was written without its event")
				}
				dbkit.Exec(t, db, tc.repair)
				if err := db.Append(t.Context(), ev); err != nil || !ev.Committed {
					t.Errorf("after the repair: %v", err)
				}
				if r := dbkit.Verify(t, dbkit.NewLog(t, db), org); !r.OK || r.Events != 4 {
					t.Errorf("the log: %+v", r)
				}
			})
		}
	}
}

// TestAFullDisk stands for the disk with a bound on the pages of the database.
func TestAFullDisk(t *testing.T) {
	db, org := dbkit.Open(t, store.Config{Dir: t.TempDir()}), dbkit.NewOrg()
	dbkit.AppendEvents(t, db, org, 3)
	db.Writer().LimitPages(t, 1) // raised by SQLite to what is in use
	written, full := 3, false
	for range 2000 {
		ev := dbkit.Event(org)
		err := db.Append(t.Context(), ev)
		if err == nil {
			written++
			continue
		}
		dbkit.WantKind(t, err, fault.Unavailable)
		if ev.Committed {
			t.Error("an event that did not fit says that it is in the log")
		}
		full = true
		break
	}
	if !full {
		t.Fatal("the disk never became full")
	}
	if r := dbkit.Verify(t, dbkit.NewLog(t, db), org); !r.OK || r.Events != uint64(written) {
		t.Errorf("the log on a full disk: %+v, want %d events", r, written)
	}
	// The bound went with the writer's connection, so now there is room again.
	dbkit.AppendEvents(t, db, org, 3)
	if r := dbkit.Verify(t, dbkit.NewLog(t, db), org); !r.OK || r.Events != uint64(written+3) {
		t.Errorf("the log afterwards: %+v, want %d events", r, written+3)
	}
}
