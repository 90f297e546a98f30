package transfer_test

import (
	"fmt"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// Numbers of transactions go around: a row that was written more than half of them ago does not count as new,
// for then each snapshot would read all of a log that is that old.
func TestARowIsOldHoweverManyTransactionsAgoItWasWritten(t *testing.T) {
	db, err := driver.OpenPostgres(pgtest.Shared(t).DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var now int64 // age counts from it: the number of this transaction
	if err := tx.QueryRowContext(t.Context(), `SELECT txid_current()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	spell := func(ago int64) string { return fmt.Sprint(uint32(now - ago)) }
	horizon := spell(100)
	for ago, old := range map[int64]bool{
		0: false, 1: false, 99: false, 100: false, 101: true, 1 << 30: true,
		1<<31 - 1: true, 1 << 31: true, 1<<31 + 1: true, 1<<32 - 1: true,
		now - 2: true, // it is frozen
	} {
		var got bool
		err := tx.QueryRowContext(t.Context(), `SELECT `+transfer.WrittenBefore(1)+` FROM (SELECT $2::text::xid AS xmin) r`, horizon, spell(ago)).Scan(&got)
		if err != nil || got != old {
			t.Errorf("of a row that was written %d transactions ago: %t, %v", ago, got, err)
		}
	}
}
