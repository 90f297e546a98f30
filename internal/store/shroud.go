package store

import "context"

// VaultsWith implements proxy.Store.
func (db *DB) VaultsWith(ctx context.Context, org, path string) ([]string, error) {
	return db.SigningPaths(ctx, org, path)
}
