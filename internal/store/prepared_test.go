package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// TestQueriesThatAreAskedOftenAreKeptPrepared: parsing one costs more than running it.
func TestQueriesThatAreAskedOftenAreKeptPrepared(t *testing.T) {
	db := dbkit.Open(t, dbkit.Engines["sqlite"](t))
	const query = `SELECT id FROM orgs WHERE id = $1`
	err := db.Write(t.Context(), audit.SystemOrg, func(tx store.Tx) error {
		return tx.Each(query, []any{"none"}, nil) // no row is there to be scanned
	})
	if err != nil || !slices.Contains(db.Prepared(), query) {
		t.Errorf("%v: it is parsed each time", err)
	}
	if _, err := db.VaultsWith(t.Context(), "none", "a/b"); err != nil || !slices.ContainsFunc(db.Prepared(), func(q string) bool { return strings.Contains(q, "s.path = $2") }) {
		t.Errorf("%v: what each use of a secret asks is parsed each time", err)
	}
}
