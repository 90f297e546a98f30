package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// setupCode begins the names of the rows of meta that are codes for the first owner: their
// hashes follow, and their values are their ends.
const setupCode = "setup:"

// AddSetupCode implements account.UserStore.
func (db *DB) AddSetupCode(ctx context.Context, hash string, until time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		if _, err := tx.Exec(`DELETE FROM meta WHERE name >= $1 AND name < $2 AND value < $3`, setupCode, setupCode+"~", micros(tx.Now())); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, setupCode+hash, micros(until))
		return err
	})
}

// SetupCode implements account.UserStore.
func (db *DB) SetupCode(ctx context.Context, hash string, now time.Time) (bool, error) {
	var until int64
	found, err := db.Row(ctx, `SELECT value FROM meta WHERE name = $1`, []any{setupCode + hash}, &until)
	return found && micros(now) < until, err
}
