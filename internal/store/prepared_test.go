package store_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// TestQueriesOfRowsInATransactionAreKeptPrepared: parsing one costs more than running it.
func TestQueriesOfRowsInATransactionAreKeptPrepared(t *testing.T) {
	db := dbkit.Open(t, dbkit.Engines["sqlite"](t))
	const query = `SELECT id FROM orgs WHERE id = $1`
	err := db.Write(t.Context(), audit.SystemOrg, func(tx store.Tx) error {
		return tx.Each(query, []any{"none"}, nil) // no row is there to be scanned
	})
	if err != nil || !slices.Contains(db.Prepared(), query) {
		t.Errorf("%v: it is parsed each time", err)
	}
}
