package transfer_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// The network to the target swallows everything from the first row on.
func TestATransferIntoADatabaseThatHangsEnds(t *testing.T) {
	t.Parallel()
	from := dbkit.Unmade["sqlite"](t)
	db := dbkit.Open(t, from)
	dbkit.AppendEvents(t, db, dbkit.NewOrg(), 10_100) // progress is told at 10,000
	proxy, dsn := pgtest.Hanging(t, dbkit.Unmade["postgres"](t).PostgresDSN)
	to := store.Config{PostgresDSN: dsn}
	_, err := transfer.Within(t.Context(), dbkit.Look(t, from).DB, to, 400*time.Millisecond, func(string, int64) { proxy.Hang(true) })
	if fault.CodeOf(err) != "database_unavailable" {
		t.Errorf("it ended with %v", err)
	}
	proxy.Hang(false)
	if _, err := transfer.Within(t.Context(), dbkit.Look(t, from).DB, to, 10*time.Second, nil); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
