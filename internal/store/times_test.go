package store_test

import (
	"encoding/json"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// A time that damage left is no time that an answer can't be encoded with, and no "never".
func TestATimeOutOfRangeCanBeShown(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		for _, at := range []string{"9223372036854775807", "-9223372036854775808", "253402300800000000"} {
			dbkit.Exec(t, db, `UPDATE chains SET created_at = `+at)
			all, err := db.EVMChains(t.Context())
			if err != nil || len(all) == 0 {
				t.Fatalf("%d chains: %v", len(all), err)
			}
			for _, c := range all {
				if _, err := json.Marshal(c.CreatedAt); err != nil || c.CreatedAt.IsZero() {
					t.Errorf("%s: %v, %v", at, c.CreatedAt, err)
				}
			}
		}
	})
}
