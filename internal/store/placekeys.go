package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// PlaceKey implements placekey.Store.
func (db *DB) PlaceKey(ctx context.Context, org string) (b seal.Box, found bool, err error) {
	found, err = db.Row(ctx, `SELECT wrapped, sealed FROM place_keys WHERE org_id = $1`, []any{org}, &b.WrappedDEK, &b.Ciphertext)
	return b, found, err
}

// PutPlaceKey implements placekey.Store.
func (db *DB) PutPlaceKey(ctx context.Context, org string, old, b seal.Box, at time.Time) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(org); err != nil {
			return err
		}
		if len(old.WrappedDEK) > 0 {
			_, err := tx.Exec(`UPDATE place_keys SET wrapped = $2, sealed = $3, created_at = $4 WHERE org_id = $1 AND wrapped = $5 AND sealed = $6`,
				org, b.WrappedDEK, b.Ciphertext, micros(at), old.WrappedDEK, old.Ciphertext)
			return err
		}
		_, err := tx.Exec(`INSERT INTO place_keys (org_id, created_at, wrapped, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id) DO NOTHING`,
			org, micros(at), b.WrappedDEK, b.Ciphertext)
		return err
	})
}
