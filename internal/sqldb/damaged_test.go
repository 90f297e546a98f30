package sqldb_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestHealthKeepsSayingThatTheDatabaseIsDamaged(t *testing.T) {
	dir := dbkit.Filled(t)
	dbkit.DamageLeaf(t, dir, "secrets", func(page []byte) { page[0] = 0xff })
	db, org := dbkit.Open(t, store.Config{Dir: dir}), dbkit.NewOrg()
	if err := db.Ready(); err != nil {
		t.Fatal(err)
	}
	err := db.Write(t.Context(), org, func(tx store.Tx) error { return dbkit.ExecIn(tx, `UPDATE secrets SET metadata = '{}'`) })
	if fault.CodeOf(err) != audit.CodeDamaged {
		t.Fatalf("a write there: %v", err)
	}
	dbkit.AppendEvents(t, db, org, 1) // elsewhere in the file
	if err := db.Ready(); fault.CodeOf(err) != audit.CodeDamaged {
		t.Errorf("ready: %v", err)
	}
}
