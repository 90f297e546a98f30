package sqldb_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// TestWalksTakeNobodysConnection: while whoever verifies or exports has the walks'
// connection, reads and writes go on, and who waits for it can give up.
func TestWalksTakeNobodysConnection(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		log := dbkit.NewLog(t, db)
		dbkit.AppendEvents(t, db, org, 2)
		release := db.HoldWalks(t)
		for range 12 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, err := log.Verify(ctx, org, audit.Whole)
				done <- err
			}()
			dbkit.AppendEvents(t, db, org, 1)
			if rows, err := db.Events(t.Context(), org, audit.Query{Limit: 1}); err != nil || len(rows) != 1 {
				t.Errorf("%d events, %v", len(rows), err)
			}
			cancel()
			if err := <-done; !fault.Is(err, fault.Unavailable) {
				t.Errorf("a check that was given up: %v", err)
			}
		}
		if n := db.OpenWalks(); n != 1 {
			t.Errorf("%d connections for walks, want 1", n)
		}
		release()
		if r := dbkit.Verify(t, log, org); !r.OK || r.Events != 14 {
			t.Errorf("%+v", r)
		}
	})
}
