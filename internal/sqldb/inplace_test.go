package sqldb_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// A server whose database file is taken away, or another put in its place, acknowledges
// nothing that would be gone with its process; it goes on when the file is back.
func TestADatabaseFileThatIsTakenAwayIsNotWrittenTo(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, file string){
		"moved": func(*testing.T, string) {},
		"replaced": func(t *testing.T, file string) {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := ready.Dir(t)
			db, org := dbkit.Open(t, store.Config{Dir: dir}), dbkit.NewOrg()
			if err := db.Append(t.Context(), dbkit.Event(org)); err != nil {
				t.Fatal(err)
			}
			file, away := filepath.Join(dir, sqldb.File), filepath.Join(dir, "away")
			if err := os.Rename(file, away); err != nil {
				t.Fatal(err)
			}
			harm(t, file)
			if name == "moved" { // what must last is not written at all, an event not for long
				if err := db.Write(t.Context(), org, dbkit.Remember(dbkit.NewOrg())); fault.CodeOf(err) != "database_replaced" {
					t.Errorf("a write that must last: %v", err)
				}
			}
			dbkit.Until(t, "an event is refused", func() bool { return db.Append(t.Context(), dbkit.Event(org)) != nil })
			for range 3 {
				if err := db.Append(t.Context(), dbkit.Event(org)); fault.CodeOf(err) != "database_replaced" || !fault.Is(err, fault.Unavailable) {
					t.Errorf("a write: %v", err)
				}
			}
			if err := db.Ready(); fault.CodeOf(err) != "database_replaced" {
				t.Errorf("ready: %v", err)
			}
			if err := os.Rename(away, file); err != nil {
				t.Fatal(err)
			}
			if err := db.Append(t.Context(), dbkit.Event(org)); err != nil {
				t.Errorf("a write afterwards: %v", err)
			}
			if err := db.Ready(); err != nil {
				t.Errorf("ready afterwards: %v", err)
			}
		})
	}
}
